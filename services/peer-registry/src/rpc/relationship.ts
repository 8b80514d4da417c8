import { create } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type { Tx } from '@powernode/postgres'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { requestOf, within } from '@powernode/rpc'
import { receiveRelationship } from '../operations/receive-relationship.ts'
import type { Tables } from '../store/tables.ts'
import { adopt, adopting, emancipate, emancipating } from './acts/relationship.ts'
import { act, actOrRehearse, type RpcDeps } from './door.ts'
import { review, type GrantReviews } from './review.ts'
import { shown } from './shown.ts'

type Handlers = Pick<ServiceImpl<typeof PeerRegistryService>, 'emancipatePeer' | 'adoptPeer' | 'receiveRelationship'>

/** What two platforms are to each other: parent and managed child, or autonomous peers. */
export const relationshipHandlers = (deps: RpcDeps & { readonly grants: GrantReviews }): Handlers => ({
  async emancipatePeer(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => emancipate(tx, now, { us: deps.us, by: requestOf(context), req })
    const rehearse = () => actOrRehearse(deps, true, doing).then(({ effects }) => effects)
    await deps.gate.pass(context, emancipating(req, { rehearse }))
    const answer = await actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { peer, effects } = await doing(tx, now)
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    })
    const openItems = req.dryRun ? [] : await review(deps.grants, req.peerId, within(context))
    return { ...answer, openItems }
  },

  async adoptPeer(req, context) {
    const doing = (tx: Tx<Tables>, now: Date) => adopt(tx, now, { us: deps.us, by: requestOf(context), req })
    const rehearse = () => actOrRehearse(deps, true, doing).then(({ effects }) => effects)
    await deps.gate.pass(context, adopting(req, { rehearse }))
    const answer = await actOrRehearse(deps, req.dryRun, async (tx, now) => {
      const { peer, effects } = await doing(tx, now)
      return { peer: await shown(tx, peer, now), effects: [...effects] }
    })
    if (!req.dryRun) await review(deps.grants, req.peerId, within(context))
    return answer
  },

  async receiveRelationship(req, context) {
    const { peerId } = req
    const notice = req.notice ?? create(EnvelopeSchema)
    const said = { us: deps.us, by: requestOf(context), peerId, notice }
    const { changed } = await act(deps, (tx, now) => receiveRelationship(tx, now, said))
    if (changed) await review(deps.grants, peerId, within(context))
    return {}
  },
})
