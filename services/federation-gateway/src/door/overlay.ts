import type { Client } from '@connectrpc/connect'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { onward, passOn, peerOf, required, unary, type UnaryParts } from './unary.ts'

export type OverlayParts = UnaryParts & { readonly sdwan: Pick<Client<typeof SdwanService>, 'receiveOverlay'> }

/**
 * One end of the road between two networks, told for the other. sdwan-compiler answers; whose end it is MUST be what the
 * certificate says. It needs no grant: what crosses is what our operators accepted of that very peer. What became of it is
 * on the peer's log as the event that sdwan-compiler announces.
 */
export const overlayHandlers = (
  parts: OverlayParts,
): Record<'exchangeOverlay', UntypedServiceImplementation[string]> => ({
  exchangeOverlay: unary(parts, FederationService.method.exchangeOverlay, async ({ offer }, asked) => {
    const { peerId } = peerOf(asked)
    const answer = await passOn(parts.sdwan.receiveOverlay({ peerId, offer: required(offer) }, onward(asked)))
    return { offer: required(answer.offer) }
  }),
})
