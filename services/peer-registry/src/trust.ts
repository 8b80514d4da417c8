import { X509Certificate } from 'node:crypto'
import { checkLeafProfile, heldBundle, spiffeIdOf, spiffeUri, verifyTrustBundle } from '@powernode/identity'
import type { Envelope, TrustBundle } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { Peer } from './peer.ts'
import type { Us } from './platform.ts'
import { bundleIn, envelopeFrom } from './statements.ts'

/** Whose identity key must have signed a bundle, and for which trust domain. */
export type Signer = { readonly identityKey: Uint8Array; readonly platformId: string; readonly trustDomain: string }

/** Beyond it two sequences look alike in a number; one bundle a millisecond takes 285,000 years to get there. */
const HIGHEST_SEQUENCE = BigInt(Number.MAX_SAFE_INTEGER)

/** The bundle in an envelope, if it is theirs, newer than the one we hold (or the very same), and fit to be trusted. */
export function checkBundle(envelope: Envelope | undefined, signer: Signer, now: Date, held?: Buffer): TrustBundle {
  const heldNow = held && heldBundle(envelopeFrom(held))
  const verdict = verifyTrustBundle(envelope, {
    publicKey: signer.identityKey,
    platformId: signer.platformId,
    trustDomain: signer.trustDomain,
    now,
    held: heldNow,
  })
  if (verdict.ok && verdict.bundle.sequence <= HIGHEST_SEQUENCE) return verdict.bundle
  if (verdict.ok) throw new Refusal('BUNDLE_INVALID', 'the trust bundle is refused: its sequence is beyond counting')
  const reason = verdict.reason === 'sequence' ? 'BUNDLE_SEQUENCE_OLD' : 'BUNDLE_INVALID'
  throw new Refusal(reason, `the trust bundle is refused: ${verdict.detail}`, {
    metadata: { problem: verdict.reason, ...(heldNow && { held_sequence: String(heldNow.sequence) }) },
  })
}

/**
 * The leaf of a chain that another platform signed for us, provided that it names us as they know us, and that each
 * certificate is signed by the next, up to a root of theirs that we hold. What is stored goes into a TLS context, so
 * nothing unreadable may pass.
 */
export function checkChain(peer: Peer, chain: readonly Uint8Array[], now: Date): X509Certificate {
  const certificates = chain.map(readable)
  const [leaf] = certificates
  const top = certificates.at(-1)
  const roots = peer.trustBundle ? bundleIn(peer.trustBundle).roots : []
  const linked = certificates.slice(1).every((issuer, at) => isIssuedBy(certificates[at], issuer))
  if (!leaf || !top || certificates.length > LONGEST_CHAIN || !linked || !roots.some((root) => top.raw.equals(root)))
    throw new Refusal('CSR_INVALID', 'the certificate they signed does not lead to a root of theirs that we hold')
  const id = spiffeIdOf(leaf)
  const fits = (['client', 'server'] as const).every((usage) => checkLeafProfile(leaf, { now, usage }).ok)
  if (!fits || id?.kind !== 'peer' || id.trustDomain !== peer.trustDomain || id.name !== peer.remotePeerId)
    throw new Refusal('CSR_INVALID', 'the certificate they signed is not one for us: another name, time or use')
  return leaf
}

const LONGEST_CHAIN = 5

function readable(der: Uint8Array): X509Certificate {
  try {
    return new X509Certificate(der)
  } catch {
    throw new Refusal('CSR_INVALID', 'they answered our request with something that is no certificate')
  }
}

const isIssuedBy = (certificate: X509Certificate | undefined, issuer: X509Certificate): boolean =>
  certificate !== undefined && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

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
export const weSignFor = ({ trustMode, weRedeem }: Pick<Peer, 'trustMode' | 'weRedeem'>): boolean =>
  trustMode === 'hierarchical' && !weRedeem
