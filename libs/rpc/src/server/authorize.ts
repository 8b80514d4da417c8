import type { DescMethod } from '@bufbuild/protobuf'
import { callerText, type Caller, type Holder, type OperatorCaller } from '../calls/caller.ts'
import type { Origin } from './call-record.ts'
import { Refusal } from '../errors/refusal.ts'
import type { CallerName, Mount } from './mount.ts'
import type { OperatorLookup } from './operator-lookup.ts'
import { isPermission, type Permission } from './permissions.ts'

/** What is asked, by whom, as far as headers and connection say. */
export type Asked = {
  readonly origin: Origin
  readonly method: DescMethod
  readonly header: Headers
  readonly signal: AbortSignal
}

export type Authorize = (asked: Asked) => Promise<Caller>

/**
 * Finds out who calls, and refuses everybody whom the table does not name. Runs on headers alone: what a stranger
 * sends is never read.
 *
 * Deny by default: a method without a row is a fault of ours and refuses too. A row that says `operator` asks for a
 * certificate and no more, so that operators can keep theirs while nobody knows what they may do; a token is none, and
 * does not count there. A node is a stranger wherever no row names nodes.
 */
export function authorizer(mounts: readonly Mount[], operators: OperatorLookup): Authorize {
  const callersOf = new Map(mounts.map((mount) => [mount.service.typeName, mount]))
  const nodesHaveBusiness = mounts.some(({ callers = {} }) => Object.values(callers).flat().includes('instance'))
  return async ({ origin, method, header, signal }) => {
    const { holder, certificateSha256 = '', problem = NOBODY } = origin
    if (!holder) {
      throw new Refusal('CERTIFICATE_NOT_TRUSTED', `your certificate is not accepted here: ${problem}`)
    }
    if (holder.kind === 'instance' && !nodesHaveBusiness)
      throw new Refusal('CERTIFICATE_NOT_TRUSTED', 'your certificate is not accepted here: nodes have no business here')
    const rpc = `${method.parent.typeName}/${method.name}`
    const mount = callersOf.get(method.parent.typeName)
    if (!mount) throw notAllowed(holder, rpc)
    if (!mount.callers) return byCertificate(holder)
    const allowed = mount.callers[method.localName] ?? []
    const token = speaksForOperators(holder) ? bearerOf(header) : undefined
    if (token === undefined && allowed.some((name) => isMeant(name, holder))) return byCertificate(holder)

    const permissions = allowed.filter(isPermission)
    const isOperator = token !== undefined || holder.kind === 'operator'
    if (!isOperator || permissions.length === 0) throw notAllowed(holder, rpc)
    const operator = await operators.identify({ holder, certificateSha256, token }, signal)
    if (!permissions.some((permission) => operator.permissions.has(permission))) {
      throw permissionMissing(operator, permissions, rpc)
    }
    if (operator.halted !== undefined && !permissions.includes(LOOKING)) throw agentsHalted(operator.halted)
    return operator
  }
}

const NOBODY = 'it names neither a service nor an operator nor a node of this platform'
const LOOKING: Permission = 'system.federation.read'
const OPERATORS_DOOR = 'operator-gateway'

/** A token is taken from operators, and from the one service that passes theirs on; all others are who they are. */
function speaksForOperators({ kind, name }: Holder): boolean {
  return kind === 'operator' || (kind === 'service' && name === OPERATORS_DOOR)
}

/** The credentials after `Bearer`, which RFC 9110 lets anybody write as they like. What is another scheme is no token. */
function bearerOf(header: Headers): string | undefined {
  return /^bearer +(.*)$/i.exec(header.get('authorization') ?? '')?.[1]
}

function isMeant(name: CallerName, holder: Holder): boolean {
  if (holder.kind !== 'service') return name === holder.kind
  return name === callerText(holder) || name === 'service/*'
}

/** An operator of whom nothing is known but the name, and who may do nothing that takes a permission. */
function byCertificate({ kind, name }: Holder): Caller {
  if (kind !== 'operator') return { kind, name }
  return { kind, name, permissions: new Set(), agent: false, by: 'certificate' }
}

function notAllowed(holder: Holder, rpc: string): Refusal {
  const caller = callerText(holder)
  return new Refusal('CALLER_NOT_ALLOWED', `${caller} may not call ${rpc}`, { metadata: { caller, rpc } })
}

function permissionMissing(operator: OperatorCaller, permissions: readonly string[], rpc: string): Refusal {
  const caller = callerText(operator)
  const permission = permissions.join(' or ')
  return new Refusal('PERMISSION_MISSING', `${caller} may not call ${rpc}: that takes ${permission}`, {
    metadata: { caller, rpc, permission },
    next: 'see what you may do: fedctl operator whoami',
  })
}

/** Said in front of everything that changes something, whether or not an approval policy speaks of it. */
function agentsHalted(reason: string): Refusal {
  return new Refusal('AUTONOMY_HALTED', `agents may do nothing for now: ${reason || 'they were halted'}`, {
    next: 'a person may do it, or let agents act again with: fedctl approval resume',
  })
}
