import { signTrustBundle } from '@powernode/identity'
import type { Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { SealedAuthority } from './certificate.ts'
import type { Us } from './platform.ts'

/** Our trust bundle: the roots and revocation lists of the generations to be trusted, signed by the identity key. */
export function makeBundle(
  us: Pick<Us, 'key' | 'trustDomain'>,
  trusted: readonly SealedAuthority[],
  sequence: number,
  at: Date,
): Envelope {
  return signTrustBundle(
    {
      trustDomain: us.trustDomain,
      sequence: BigInt(sequence),
      issuedAt: at,
      roots: trusted.map(({ rootCertificate }) => rootCertificate),
      crls: crlsOf(trusted),
    },
    us.key,
  )
}

/** Every list of every generation: OpenSSL checks the whole chain, so a missing list refuses everybody. */
export const crlsOf = (trusted: readonly SealedAuthority[]): Buffer[] =>
  trusted.flatMap(({ crls }) => crls.map((der) => Buffer.from(der, 'base64')))
