import type { OverlayOffer } from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import { isReachable } from '../federation-peer.ts'
import { SEALED } from '../overlay.ts'
import { opened } from '../secrets.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import { offerToWire } from '../wire-overlay.ts'
import type { Sealing } from './settle-offers.ts'

const NO_HALF = new Uint8Array(0)

/** What we offer to a peer at this moment; whoever is offered nothing hears that, as something withdrawn. */
export async function answerOverlay(
  tx: SdwanTx,
  now: Date,
  { peerId, sealing }: { readonly peerId: string; readonly sealing: Sealing },
): Promise<OverlayOffer> {
  const peer = (await peers.list(tx, [peerId])).get(peerId)
  const offer = (await overlays.offersOf(tx, [peerId])).get(peerId)
  if (!offer) return offerToWire({ sequence: 0, gateways: [], advertise: [], withdrawn: true }, NO_HALF)
  if (!offer.halfSealed || !peer || !isReachable(peer, now))
    return offerToWire({ sequence: offer.sequence, gateways: [], advertise: [], withdrawn: true }, NO_HALF)
  const its = { sealed: offer.halfSealed, context: SEALED.ourHalf(peerId) }
  return offerToWire(offer, opened(sealing, its, `our half of the key of the tunnel to ${peer.name}`))
}
