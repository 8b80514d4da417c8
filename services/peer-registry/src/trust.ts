import { heldBundle, spiffeUri, verifyTrustBundle } from '@powernode/identity'
import type { Envelope, TrustBundle } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Peer } from './peer.ts'
import type { Us } from './platform.ts'
import { envelopeFrom } from './statements.ts'

/** Whose identity key must have signed a bundle, and for which trust domain. */
export type Signer = { readonly identityKey: Uint8Array; readonly platformId: string; readonly trustDomain: string }

/** The bundle in an envelope, if it is theirs, newer than the one we hold (or the very same), and fit to be trusted. */
export function checkBundle(envelope: Envelope | undefined, signer: Signer, now: Date, held?: Buffer): TrustBundle {
  const verdict = verifyTrustBundle(envelope, {
    publicKey: signer.identityKey,
    platformId: signer.platformId,
    trustDomain: signer.trustDomain,
    now,
    held: held && heldBundle(envelopeFrom(held)),
  })
  if (verdict.ok) return verdict.bundle
  const reason = verdict.reason === 'sequence' ? 'BUNDLE_SEQUENCE_OLD' : 'BUNDLE_INVALID'
  throw new Refusal(reason, `the trust bundle is refused: ${verdict.detail}`, { metadata: { problem: verdict.reason } })
}

/**
 * The SPIFFE id a peer must show us.
 *
 * Its own gateway when it keeps its CA, or when it signed for us; the name we gave it when we signed for it.
 */
export function spiffeIdOfPeer(us: Us, peer: Peer): string {
  if (weSignFor(peer)) return spiffeUri({ trustDomain: us.trustDomain, kind: 'peer', name: peer.id })
  return spiffeUri({ trustDomain: peer.trustDomain ?? '', kind: 'service', name: 'federation-gateway' })
}

/** Hierarchical trust has one CA: the inviter's. */
export const weSignFor = (peer: Peer): boolean => peer.trustMode === 'hierarchical' && !peer.weRedeem
