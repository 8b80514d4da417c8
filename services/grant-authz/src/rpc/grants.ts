import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import type {
  CreateGrantRequest,
  GrantAuthzService,
  StringList,
  UpdateGrantRequest,
} from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { SCOPES, type Changes, type Scope } from '../grant.ts'
import { grantNotFound } from '../grant-refusals.ts'
import { createGrant } from '../operations/grants/create-grant.ts'
import { listGrants } from '../operations/grants/list-grants.ts'
import { openItems } from '../operations/grants/open-items.ts'
import { renewGrant } from '../operations/grants/renew-grant.ts'
import { revokeGrant } from '../operations/grants/revoke-grant.ts'
import { updateGrant } from '../operations/grants/update-grant.ts'
import * as grants from '../store/grants.ts'
import { grantToWire } from '../wire.ts'
import { look } from './door.ts'
import { causeOf, enforce, filterId, livePeerOf, msOf, type GrantDeps } from './grant-door.ts'
import { afterPage, pageSize, pageToken } from './page.ts'

type Handlers = Pick<
  ServiceImpl<typeof GrantAuthzService>,
  'createGrant' | 'listGrants' | 'getGrant' | 'updateGrant' | 'renewGrant' | 'revokeGrant'
>

/** What an operator does with grants: wire to plain values, one verb, and back. */
export const oneGrantHandlers = (deps: GrantDeps): Handlers => ({
  async createGrant(req, context) {
    // Asked before anything is locked: nothing remote is waited for inside a transaction.
    const peer = await livePeerOf(deps, req.peerId, context.signal)
    const wanted = { ...wantedFrom(req, context), peerId: peer.id, deliver: req.deliver, sealing: deps.sealing }
    const { result } = await enforce(deps, during(req, context), async (tx, now) => {
      const { grant, bearer } = await createGrant(tx, now, wanted)
      return { grant: grantToWire(grant, now), bearer, openItems: await openItems(tx, grant) }
    })
    return { ...result, bearer: req.dryRun ? '' : result.bearer }
  },

  listGrants: (req) =>
    look(deps, async (tx, now) => {
      const { statuses, resourceKind } = req
      const last = afterPage(req.pageToken)
      const archivedAfter = req.archivedAfter && timestampDate(req.archivedAfter)
      const limit = pageSize(req.pageSize)
      const wanted = { peerId: filterId(req.peerId), resourceKind, statuses, archivedAfter, last, limit }
      const page = await listGrants(tx, now, wanted)
      return { grants: page.grants.map((grant) => grantToWire(grant, now)), nextPageToken: pageToken(page.next) }
    }),

  getGrant: ({ grantId }) =>
    look(deps, async (tx, now) => {
      const grant = await grants.find(tx, grantId)
      if (!grant) throw grantNotFound(grantId)
      return { grant: grantToWire(grant, now) }
    }),

  async updateGrant(req, context) {
    const said = { grantId: req.grantId, changes: changesFrom(req), ifRevision: Number(req.ifRevision) }
    const { result } = await enforce(deps, during(req, context), async (tx, now) => {
      const { grant, changed } = await updateGrant(tx, now, { ...said, cause: causeOf(context) })
      return { grant: grantToWire(grant, now), changed: [...changed] }
    })
    return result
  },

  async renewGrant(req, context) {
    const { result } = await enforce(deps, during(req, context), async (tx, now) => {
      const said = { grantId: req.grantId, ttlMs: msOf(req.ttl), cause: causeOf(context) }
      return { grant: grantToWire(await renewGrant(tx, now, said), now) }
    })
    return result
  },

  async revokeGrant(req, context) {
    const { result, ...enforced } = await enforce(deps, during(req, context), async (tx, now) => {
      const said = { grantId: req.grantId, reason: req.reason, cause: causeOf(context) }
      return { grant: grantToWire(await revokeGrant(tx, now, said), now) }
    })
    return { ...result, ...enforced }
  },
})

const during = ({ dryRun }: { dryRun: boolean }, { signal }: HandlerContext) => ({ dryRun, signal })

function wantedFrom(req: CreateGrantRequest, context: HandlerContext) {
  return {
    remoteSubject: req.remoteSubject || `operator@${req.peerId}`,
    resourceKind: req.resourceKind,
    resourceId: req.resourceId,
    scopes: scopesFrom(req.scopes),
    nodeInstanceIds: req.nodeInstanceIds,
    sdwanNetworkIds: req.sdwanNetworkIds,
    sourceCidrs: req.sourceCidrs,
    boundIdentities: req.boundIdentities,
    ttlMs: msOf(req.ttl),
    metadata: req.metadata ?? {},
    cause: causeOf(context),
  }
}

const valuesOf = (list: StringList | undefined): readonly string[] | undefined => list?.values

function changesFrom(req: UpdateGrantRequest): Changes {
  const scopes = valuesOf(req.scopes)
  const nodeInstanceIds = valuesOf(req.nodeInstanceIds)
  const sdwanNetworkIds = valuesOf(req.sdwanNetworkIds)
  const sourceCidrs = valuesOf(req.sourceCidrs)
  const boundIdentities = valuesOf(req.boundIdentities)
  return {
    ...(scopes && { scopes: scopesFrom(scopes) }),
    ...(nodeInstanceIds && { nodeInstanceIds }),
    ...(sdwanNetworkIds && { sdwanNetworkIds }),
    ...(sourceCidrs && { sourceCidrs }),
    ...(boundIdentities && { boundIdentities }),
  }
}

export function scopesFrom(said: readonly string[]): readonly Scope[] {
  const scopes = SCOPES.filter((scope) => said.includes(scope))
  if (scopes.length > 0 && scopes.length === said.length) return scopes
  throw new Refusal('REQUEST_INVALID', `scopes are one or more of ${SCOPES.join(', ')}, each once`, {
    metadata: { field: 'scopes' },
    next: 'to take everything away, revoke the grant',
  })
}
