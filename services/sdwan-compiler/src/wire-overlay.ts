import { create } from '@bufbuild/protobuf'
import { OverlayOfferSchema, type OverlayOffer } from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import type { Overlay } from './overlay.ts'

/** Our end of a road as a peer is told it, with our half of the preshared key. */
export const offerToWire = ({ sequence, gateways, advertise, withdrawn }: Overlay, half: Uint8Array): OverlayOffer =>
  create(OverlayOfferSchema, {
    sequence: BigInt(sequence),
    gateways: gateways.map(({ endpoint, ...gateway }) => ({ ...gateway, endpoint: endpoint ?? '' })),
    advertise: [...advertise],
    presharedHalf: Uint8Array.from(half),
    withdrawn,
  })
