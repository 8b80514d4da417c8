import { durationMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { epochOf, type Feed } from '@powernode/feed'
import type { OperatorService } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { callerOf, callerText, personOf, Refusal, type CallersTable } from '@powernode/rpc'
import { OPERATORS_FEED, type DirectoryUpdate } from '../feed/directory.ts'
import { listStaff } from '../operations/operators/find-operator.ts'
import { issueToken } from '../operations/operators/issue-token.ts'
import { removeOperator } from '../operations/operators/remove-operator.ts'
import { setOperator, type By } from '../operations/operators/set-operator.ts'
import { removeRole, setRole } from '../operations/operators/set-role.ts'
import { DEFAULT_TTL_MS } from '../operator-token.ts'
import { operatorToWire, roleToWire } from '../operator-wire.ts'
import type { OperatorSaid } from '../operator.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import type { TokenKey } from '../operators/token-key.ts'
import { actOrRehearse, look, type DoorDeps } from './door.ts'

const READ = ['system.federation.read'] as const
const MANAGE = ['system.operators.manage'] as const

/** Who may call each RPC. Whoever is an operator may ask who it is: that needs to work before anything else does. */
export const OPERATOR_CALLERS = {
  listOperators: READ,
  whoAmI: ['operator', ...READ, ...MANAGE],
  setOperator: MANAGE,
  removeOperator: MANAGE,
  listRoles: READ,
  setRole: MANAGE,
  issueToken: MANAGE,
  watchOperators: [
    'service/peer-registry',
    'service/federation-gateway',
    'service/liveness',
    'service/audit-ledger',
    'service/spawn-provisioner',
    'service/sdwan-compiler',
  ],
} as const satisfies CallersTable<typeof OperatorService>

export type OperatorDeps = DoorDeps & {
  readonly operatorsFeed: Pick<Feed<Tables, DirectoryUpdate>, 'follow' | 'enforced'>
  readonly tokenKey: TokenKey
}

export function operatorHandlers(deps: OperatorDeps): ServiceImpl<typeof OperatorService> {
  /** Answers when every service that listens knows of it: the very next call of an operator finds it so. */
  async function tell<T>(dryRun: boolean, context: HandlerContext, verb: (tx: GrantTx, now: Date) => Promise<T>) {
    const { result, epoch } = await actOrRehearse(deps, dryRun, async (tx, now) => ({
      result: await verb(tx, now),
      epoch: await epochOf(tx, OPERATORS_FEED),
    }))
    if (!dryRun && epoch !== undefined) await deps.operatorsFeed.enforced(epoch, context.signal)
    return result
  }

  return {
    async listOperators() {
      const { operators, roles } = await look(deps, listStaff)
      return { operators: operators.map((operator) => operatorToWire(operator, roles)) }
    },

    async whoAmI(_, context) {
      const caller = callerOf(context)
      const { operators, roles } = await look(deps, listStaff)
      const known = operators.find(({ name }) => name === caller.name)
      const wire = known && operatorToWire(known, roles)
      const by = caller.kind === 'operator' ? caller.by : 'certificate'
      const may = wire && !wire.paused ? wire.permissions : []
      return { caller: callerText(caller), kind: wire?.kind ?? '', roles: wire?.roles ?? [], permissions: may, by }
    },

    async setOperator({ operator, dryRun }, context) {
      if (!operator?.name) throw new Refusal('REQUEST_INVALID', 'an operator has a name')
      const said = { ...operator, kind: kindFrom(operator.kind) }
      const by = byOf(context)
      const set = await tell(dryRun, context, (tx, now) => setOperator(tx, now, { said, by }))
      return { operator: operatorToWire(set.operator, set.roles) }
    },

    async removeOperator({ name, dryRun }, context) {
      const by = byOf(context)
      await tell(dryRun, context, (tx, now) => removeOperator(tx, now, { name, by }))
      return {}
    },

    async listRoles() {
      const { roles } = await look(deps, listStaff)
      return { roles: roles.map(roleToWire) }
    },

    async setRole({ role: said, remove, dryRun }, context) {
      if (!said) throw new Refusal('REQUEST_INVALID', 'say which role')
      const { name } = said
      const by = byOf(context)
      const role = await tell(dryRun, context, (tx, now) =>
        remove ? removeRole(tx, now, { name, by }) : setRole(tx, now, { said, by }),
      )
      return { role: roleToWire(role) }
    },

    async issueToken({ name, certificateSha256, ttl, dryRun }, context) {
      refuseTokenForToken(context)
      const ttlMs = ttl ? durationMs(ttl) : DEFAULT_TTL_MS
      const by = byOf(context)
      const said = await actOrRehearse(deps, dryRun, (tx, now) =>
        issueToken(tx, now, { name, certificateSha256, ttlMs, by }),
      )
      const token = dryRun ? '' : await deps.tokenKey.mint(said)
      return { token, expiresAt: timestampFromDate(said.expiresAt) }
    },

    watchOperators: (requests, { signal }) => deps.operatorsFeed.follow(requests, signal),
  }
}

/** Nothing extends its own life: a token that could have the next one made would never end. */
function refuseTokenForToken(context: HandlerContext): void {
  const caller = callerOf(context)
  if (caller.kind === 'operator' && caller.by === 'certificate') return
  throw new Refusal('CALLER_NOT_ALLOWED', 'a token is made for whoever shows a certificate, not for a token', {
    metadata: { caller: callerText(caller) },
  })
}

function kindFrom(said: string): OperatorSaid['kind'] {
  return said === 'person' || said === 'agent' ? said : ''
}

/**
 * Who asks, what that one may do itself, and as part of which call. A person: an agent that could make operators, roles or
 * tokens could make itself one.
 */
function byOf(context: HandlerContext): By {
  const { actor, requestId, traceparent } = personOf(context, 'say who may do what')
  const caller = callerOf(context)
  return {
    permissions: caller.kind === 'operator' ? caller.permissions : new Set(),
    cause: { actor, correlationId: requestId, traceparent },
  }
}
