import type { ServiceImpl } from '@connectrpc/connect'
import { inTransaction } from '@powernode/postgres'
import type { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { Refusal, refusalOf, within } from '@powernode/rpc'
import { answerOverlay } from '../operations/answer-overlay.ts'
import { hearOverlay } from '../operations/hear-overlay.ts'
import { previewAccess } from '../operations/preview-access.ts'
import { settlePeer } from '../operations/settle-peer.ts'
import { factsOf } from '../wire-peer.ts'
import { act, type RpcDeps } from './door.ts'

type Handlers = Pick<ServiceImpl<typeof SdwanService>, 'receiveOverlay' | 'previewPrefixAccess'>

/** The road to a peer: what it tells us of its end, and what would become of its prefixes. */
export const overlayHandlers = (deps: RpcDeps): Handlers => ({
  receiveOverlay: ({ peerId, offer }) =>
    act(deps, async (tx, now) => {
      if (!offer) throw new Refusal('REQUEST_INVALID', 'there is no offer in it')
      const { sealing } = deps
      await hearOverlay(tx, now, { peerId, offer, sealing })
      return { offer: await answerOverlay(tx, now, { peerId, sealing }) }
    }),

  // What is judged is the peer as it stands at this moment, so peer-registry is asked first.
  async previewPrefixAccess({ peerId, prefixes }, context) {
    const { peer } = await deps.registry.getPeer({ peer: peerId }, within(context)).catch((error: unknown) => {
      throw refusalOf(error) ?? error
    })
    const facts = factsOf(peerId, peer)
    await inTransaction(deps.db, (tx) => settlePeer(tx, deps.clock.now(), facts))
    const { overlaps, usable } = await act(deps, (tx) => previewAccess(tx, { peerId, prefixes }))
    return { overlaps: overlaps.map((overlap) => ({ ...overlap })), usable: [...usable] }
  },
})
