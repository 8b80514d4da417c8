import { hash, X509Certificate } from 'node:crypto'
import { validityOf, type Validity } from '@powernode/identity'
import type { Peer } from './peer.ts'
import { bundleIn } from './statements.ts'
import { weSignFor } from './trust.ts'

/** A certificate that a peering hangs on. `certificate`: "root <sha-256>" of theirs, or "leaf <serial>" that they signed for us. */
export type CertificateEnd = Validity & { readonly certificate: string }

/**
 * What ends when, of the certificates that vouch for a peer and those that vouch for us there, for who watches over them.
 *
 * Of a peer that we sign for nothing is told here: what vouches for it is our own CA, and what we signed stands in the list of
 * certificates. A bundle is stored only when the times of all its roots can be read (`checkRootProfile`).
 */
export function certificateEnds(
  peer: Pick<Peer, 'trustBundle' | 'certificateChain' | 'trustMode' | 'weRedeem'>,
): CertificateEnd[] {
  const roots = peer.trustBundle && !weSignFor(peer) ? bundleIn(peer.trustBundle).roots : []
  const [leaf] = peer.certificateChain.map((base64) => Buffer.from(base64, 'base64'))
  return [
    ...roots.map((der) => ({ certificate: `root ${hash('sha256', der, 'hex')}`, ...validityOf(der) })),
    ...(leaf ? [leafEnd(new X509Certificate(leaf))] : []),
  ]
}

const leafEnd = ({ serialNumber, validFromDate, validToDate }: X509Certificate): CertificateEnd => ({
  certificate: `leaf ${serialNumber.toLowerCase()}`,
  notBefore: validFromDate,
  notAfter: validToDate,
})
