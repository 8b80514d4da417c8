import type { Client, HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { create } from '@bufbuild/protobuf'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { refusalOf, requestOf, within } from '@powernode/rpc'
import { adoptPeer, emancipatePeer } from '../operations/change-relationship.ts'
import { receiveRelationship } from '../operations/receive-relationship.ts'
import { act, actOrRehearse, type RpcDeps } from './door.ts'
import { shown } from './shown.ts'

/** What grant-authz is asked: to look at a peer now, because what it is to us has changed. */
export type GrantReviews = Pick<Client<typeof GrantAuthzService>, 'reviewPeer'>

type Handlers = Pick<ServiceImpl<typeof PeerRegistryService>, 'emancipatePeer' | 'adoptPeer' | 'receiveRelationship'>

/** What two platforms are to each other: parent and managed child, or autonomous peers. */
export const relationshipHandlers = (deps: RpcDeps & { readonly grants: GrantReviews }): Handlers => ({
  async emancipatePeer(req, context) {
    const { peerId, reason } = req
    const answer = await actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), peerId, reason }
      const { peer, effects } = await emancipatePeer(tx, now, said)
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    })
    const openItems = req.dryRun ? [] : await reviewed(deps.grants, peerId, context)
    return { ...answer, openItems }
  },

  async adoptPeer(req, context) {
    const { peerId, reason } = req
    const as = req.as === 'parent' ? 'parent' : 'child'
    const answer = await actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const said = { us: deps.us, by: requestOf(context), peerId, as, reason } as const
      const { peer, effects } = await adoptPeer(tx, now, said)
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    })
    if (!req.dryRun) await reviewed(deps.grants, peerId, context)
    return answer
  },

  async receiveRelationship(req, context) {
    const { peerId } = req
    const notice = req.notice ?? create(EnvelopeSchema)
    const said = { us: deps.us, by: requestOf(context), peerId, notice }
    const { changed } = await act(deps, (tx, now) => receiveRelationship(tx, now, said))
    if (changed) await reviewed(deps.grants, peerId, context)
    return {}
  },
})

const REVIEW_MS = 5_000

/**
 * Has grant-authz look at the peer before we answer, so that what ended has ended. When it is away the relationship holds
 * all the same, and the grants follow with its next look; whoever asked is told.
 */
async function reviewed(grants: GrantReviews, peerId: string, context: HandlerContext): Promise<string[]> {
  const options = within(context)
  const timeoutMs = Math.min(REVIEW_MS, options.timeoutMs ?? REVIEW_MS)
  try {
    await grants.reviewPeer({ peerId }, { ...options, timeoutMs })
    return []
  } catch (error) {
    const why = refusalOf(error)?.reason ?? 'it does not answer'
    return [
      `the grants of the peer follow as soon as grant-authz is back (${why}); look with: fedctl grant list --peer ${peerId}`,
    ]
  }
}
