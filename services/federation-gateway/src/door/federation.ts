import { hash } from 'node:crypto'
import type { UntypedServiceImplementation } from '@grpc/grpc-js'
import type { Metrics } from '@powernode/process'
import { Refusal, refusalOf, takeOrRefuse, type RateLimit } from '@powernode/rpc'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { DescriptionLimit } from './description-limit.ts'
import { diagnosisHandlers, type DiagnosisParts } from './diagnosis.ts'
import type { Heartbeats } from './heartbeats.ts'
import { ledgerHandlers, type LedgerDoorParts } from './ledger.ts'
import { overlayHandlers, type OverlayParts } from './overlay.ts'
import { noticeHandlers, type NoticeParts } from './notices.ts'
import type { ResourceParts } from './resource-parts.ts'
import { resourceHandlers } from './resources.ts'
import { spawningHandlers, type SpawningParts } from './spawning.ts'
import { onward, passOn, peerOf, required, unary, type UnaryParts } from './unary.ts'

export type FederationParts = UnaryParts &
  ResourceParts &
  NoticeParts &
  DiagnosisParts &
  LedgerDoorParts &
  SpawningParts &
  OverlayParts & {
    readonly heartbeats: Heartbeats
    /** Told of every peer we hear from, so that it is called again if it had been given up. */
    readonly outbound: { readonly heard: (peerId: string) => void }
    readonly table: PeerTable
    readonly acceptsPerToken: RateLimit
    /** A beat beyond the limit goes on without its description. */
    readonly descriptions: DescriptionLimit
    readonly metrics: Metrics
  }

const { accept, heartbeat, getTrustBundle, publishTrustBundle, renewCertificate, notifyRevocation } =
  FederationService.method

/**
 * What peers may ask, contract version 1. Every caller has been admitted before (attend.ts); here each request is
 * passed on to the service that owns the answer. A service's refusal is the peer's answer, word for word.
 */
export function federationHandlers(
  parts: FederationParts,
): Record<keyof typeof FederationService.method, UntypedServiceImplementation[string]> {
  const { registry, heartbeats, outbound, table, acceptsPerToken, descriptions, metrics } = parts
  const redeemed = metrics.counter('fed_invitation_redeem_total', 'Attempts to redeem an invitation', ['result'])

  return {
    ...resourceHandlers(parts),
    ...noticeHandlers(parts),
    ...diagnosisHandlers(parts),
    ...ledgerHandlers(parts),
    ...spawningHandlers(parts),
    ...overlayHandlers(parts),

    accept: unary(parts, accept, async (request, asked) => {
      const token = hash('sha256', request.acceptanceToken, 'base64url')
      try {
        takeOrRefuse(acceptsPerToken, token, 'attempts with this invitation')
        const { remoteAddress: sourceAddress } = asked.visit.visitor
        const answer = await passOn(registry.redeemInvitation({ accept: request, sourceAddress }, onward(asked)))
        redeemed.inc({ result: 'ok' })
        return required(answer.accept)
      } catch (error) {
        redeemed.inc({ result: refusalOf(error)?.reason ?? 'fault' })
        throw error
      }
    }),

    heartbeat: unary(parts, heartbeat, async (request, asked) => {
      const { peerId } = peerOf(asked)
      outbound.heard(peerId)
      if (request.platform && !descriptions.takes(peerId)) delete request.platform
      return heartbeats.record(peerId, request, asked)
    }),

    getTrustBundle: unary(parts, getTrustBundle, async () => {
      const trustBundle = table.platform?.trustBundle
      if (!trustBundle)
        throw new Refusal('SERVICE_UNAVAILABLE', 'our own trust bundle is not known here yet', { retryAfterMs: 1_000 })
      return { trustBundle }
    }),

    publishTrustBundle: unary(parts, publishTrustBundle, async ({ trustBundle }, asked) => {
      const { peerId } = peerOf(asked)
      const { receipt } = await passOn(
        registry.receiveTrustBundle({ peerId, trustBundle: required(trustBundle) }, onward(asked)),
      )
      return { receipt: required(receipt) }
    }),

    renewCertificate: unary(parts, renewCertificate, async ({ csrDer }, asked) => {
      const { peerId } = peerOf(asked)
      const { certificateChain } = await passOn(registry.signPeerCertificate({ peerId, csrDer }, onward(asked)))
      return { certificateChain }
    }),

    notifyRevocation: unary(parts, notifyRevocation, async ({ notice }, asked) => {
      const { peerId } = peerOf(asked)
      const said = { peerId, notice: required(notice) }
      const { receipt } = await passOn(registry.receiveRevocation(said, onward(asked)))
      return { receipt: required(receipt) }
    }),
  }
}
