import { pemToDer } from './pem.ts'
import { x509 } from './x509.ts'

/**
 * The serial numbers (lower-case hex) that revocation lists take back, whoever issued them.
 *
 * Trusts the lists as they are: their signatures were checked by the TLS stack that loaded them, or by the writer.
 */
export function revokedSerials(crls: readonly string[]): Set<string> {
  const entries = crls.flatMap((pem) => pemToDer(pem, 'X509 CRL')).flatMap((der) => new x509.X509Crl(der).entries)
  return new Set(entries.map((entry) => entry.serialNumber.toLowerCase().replace(/^0+(?=.)/, '')))
}
