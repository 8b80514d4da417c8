/** The labels we write and read. OpenSSL and Node know a revocation list only as `X509 CRL` (RFC 7468 §6). */
export type PemLabel = 'CERTIFICATE' | 'CERTIFICATE REQUEST' | 'PRIVATE KEY' | 'PUBLIC KEY' | 'X509 CRL'

const LINE = /.{1,64}/g

/** One DER structure as PEM text (RFC 7468), with a newline at its end so that blocks can be concatenated. */
export function derToPem(der: Uint8Array, label: PemLabel): string {
  const lines = Buffer.from(der).toString('base64').match(LINE) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/** Every block of that label in a text, in order. Text around the blocks is allowed (RFC 7468 §5.2), other blocks are passed over. */
export function pemToDer(pem: string, label: PemLabel): Buffer[] {
  const blocks = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, 'g')
  return Array.from(pem.matchAll(blocks), ([, base64 = '']) => Buffer.from(base64, 'base64'))
}

/** Many certificates as one PEM text, in the order given: leaf, issuing CA, root. */
export function certificatesToPem(ders: readonly Uint8Array[]): string {
  return ders.map((der) => derToPem(der, 'CERTIFICATE')).join('')
}
