import type { X509Certificate } from 'node:crypto'
import { pemToDer, revokedSerials, type TlsMaterial } from '@powernode/identity'

/** Whether a certificate that was good at its handshake still is. */
export type StillGood = (certificate: X509Certificate, now: Date) => boolean

/**
 * Judges the certificates of open connections by newer revocation lists, and by the time.
 *
 * The TLS stack verified each chain when the connection was made, and MUST have: this looks at the leaf alone.
 */
export function stillGoodBy({ crl = [] }: TlsMaterial): StillGood {
  const revoked = revokedSerials(crl)
  return ({ validToDate, serialNumber }, now) =>
    now <= validToDate && !revoked.has(serialNumber.toLowerCase().replace(/^0+(?=.)/, ''))
}

/**
 * Whether a root that was trusted no longer is. Then every connection made before has to be made again, since Node
 * does not say under which root it was verified; what is only added concerns new connections alone.
 */
export function losesRoot(before: TlsMaterial, after: TlsMaterial): boolean {
  const kept = new Set(rootsOf(after))
  return rootsOf(before).some((root) => !kept.has(root))
}

function rootsOf({ ca }: TlsMaterial): string[] {
  return pemToDer(ca, 'CERTIFICATE').map((der) => der.toString('base64'))
}
