import { X509Certificate } from 'node:crypto'
import { pemToDer, revokedSerials, type TlsMaterial } from '@powernode/identity'

/** Whether a certificate that was good at its handshake still is. */
export type StillTrusted = (certificate: X509Certificate, now: Date) => boolean

/** More links than any chain of ours has: a loop ends here. */
const CHAIN_MAX = 5

/**
 * Judges the certificates of open connections by newer trust material.
 *
 * The TLS stack verified each chain when the connection was made; what can change since is the time, a revocation,
 * and which roots count. MUST NOT be used instead of that verification.
 */
export function stillTrustedBy({ ca, crl = [] }: TlsMaterial): StillTrusted {
  const roots = pemToDer(ca, 'CERTIFICATE').map((der) => new X509Certificate(der))
  const revoked = revokedSerials(crl)
  return (leaf, now) => {
    let certificate: X509Certificate | undefined = leaf
    for (let length = 0; certificate && length < CHAIN_MAX; length++) {
      if (now > certificate.validToDate || revoked.has(serialOf(certificate))) return false
      const issuedByRoot = roots.some((root) => certificate?.checkIssued(root) && certificate.verify(root.publicKey))
      if (issuedByRoot) return true
      certificate = certificate.issuerCertificate
    }
    return false
  }
}

/** Two materials that trust alike differ at most in our own certificate: open connections need no second look. */
export function trustsAlike(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.ca === b.ca && (a.crl ?? []).join() === (b.crl ?? []).join()
}

function serialOf({ serialNumber }: X509Certificate): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, '')
}
