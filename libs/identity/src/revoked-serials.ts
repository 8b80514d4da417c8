import { elementsOf, NotDer } from './der.ts'
import { pemToDer } from './pem.ts'

const SEQUENCE = 0x30
/** UTCTime and GeneralizedTime. */
const TIMES: readonly number[] = [0x17, 0x18]

/**
 * The serial numbers (lower-case hex) that revocation lists take back, whoever issued them. Throws `NotDer` for what is no list.
 *
 * Trusts the lists as they are: their signatures were checked by the TLS stack that loaded them, or by the writer.
 */
export function revokedSerials(crls: readonly string[]): Set<string> {
  const serials = crls.flatMap((pem) => pemToDer(pem, 'X509 CRL')).flatMap(serialsOf)
  return new Set(
    serials.map((serial) =>
      Buffer.from(serial)
        .toString('hex')
        .replace(/^0+(?=.)/, ''),
    ),
  )
}

/** CertificateList ▸ TBSCertList ▸ revokedCertificates, which stand right after the last time (RFC 5280 §5.1). */
function serialsOf(crl: Uint8Array): Uint8Array[] {
  const [list] = elementsOf(crl)
  const [body] = elementsOf(list?.content ?? crl)
  const fields = elementsOf(body?.content ?? crl)
  const lastTime = fields.findLastIndex(({ tag }) => TIMES.includes(tag))
  if (lastTime < 0) throw new NotDer('a revocation list says when it was made')
  const revoked = fields[lastTime + 1]
  if (revoked?.tag !== SEQUENCE) return []
  return elementsOf(revoked.content).map(({ content }) => elementsOf(content)[0]?.content ?? content)
}
