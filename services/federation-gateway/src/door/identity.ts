import { hash, type X509Certificate } from 'node:crypto'
import { checkLeafProfile, spiffeIdOf, spiffeUri, type SpiffeId } from '@powernode/identity'

/** Who is at the other end of a connection, as far as its certificate goes. Whether they may do anything is asked per call. */
export type Identity =
  | { readonly kind: 'nobody' }
  /** `claimed`: the trust domain it says it is of. Once we learn of that domain, the certificate is to be looked at again. */
  | { readonly kind: 'untrusted'; readonly why: string; readonly claimed: string }
  | { readonly kind: 'own'; readonly id: SpiffeId; readonly spiffeId: string; readonly notAfter: Date }
  | {
      readonly kind: 'peer'
      readonly spiffeId: string
      readonly trustDomain: string
      readonly notAfter: Date
      /** Of its DER, base64url: what a grant may be bound to (RFC 8705, x5t#S256). */
      readonly certificateSha256: string
    }

/** What the TLS handshake found out. */
export type Shown = {
  readonly leaf: X509Certificate | undefined
  /** The chain leads to a root of `trustDomain`, is in force, not revoked, and made for TLS clients: OpenSSL's word. */
  readonly verified: boolean
  /** OpenSSL's reason when not. */
  readonly error?: string | undefined
  /** The domain whose roots alone were asked. */
  readonly trustDomain: string
  /** The domain the caller named as its own; empty when it named none. */
  readonly claimed: string
  readonly now: Date
}

/**
 * Names the holder of a certificate.
 *
 * A chain that verifies is not enough: the name MUST lie in the very trust domain whose roots verified it, or one peer's
 * CA could speak for another peer. And there MUST be exactly one URI in it (X509-SVID §2).
 */
export function identityOf({ leaf, verified, error, trustDomain, claimed, now }: Shown, ownDomain: string): Identity {
  if (!leaf) return { kind: 'nobody' }
  const untrusted = (why: string): Identity => ({ kind: 'untrusted', why, claimed })
  if (!verified) return untrusted(error ?? 'the chain does not verify')
  const profile = checkLeafProfile(leaf, { now, trustDomain, usage: 'client' })
  if (!profile.ok) return untrusted(profile.detail)
  const id = spiffeIdOf(leaf)
  if (!id) return untrusted('it does not carry exactly one SPIFFE id')
  const known = { spiffeId: spiffeUri(id), notAfter: leaf.validToDate }
  if (id.trustDomain !== ownDomain || id.kind === 'peer')
    return { kind: 'peer', trustDomain, ...known, certificateSha256: hash('sha256', leaf.raw, 'base64url') }
  if (id.kind === 'instance') return untrusted('a node has no business at the door for platforms')
  return { kind: 'own', id, ...known }
}
