import { X509Certificate } from 'node:crypto'
import { algorithmOf, KeyTypeRefused } from './certificate-parts.ts'
import { stated } from './extensions.ts'
import { checkIdentityKey, InvalidKey } from './platform-key.ts'
import { spiffeIdOf } from './spiffe.ts'
import { validityOf } from './validity.ts'
import { x509 } from './x509.ts'

/**
 * What a certificate must be beyond a chain that verifies. TLS (OpenSSL) checks signatures, path and revocation;
 * these checks hold what it does not ask: our kinds of key, exactly one SPIFFE id, and the shape of X509-SVID §4.
 */
export type ProfileProblem =
  | 'unreadable'
  | 'not-a-ca'
  | 'is-a-ca'
  | 'not-self-signed'
  | 'expired'
  | 'not-yet-valid'
  | 'key-type'
  | 'signature-algorithm'
  | 'key-usage'
  | 'extended-key-usage'
  | 'uri-san'
  | 'trust-domain'

export type ProfileVerdict =
  { readonly ok: true } | { readonly ok: false; readonly problem: ProfileProblem; readonly detail: string }

const EXTENDED_KEY_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const
const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags
const SHA1 = /sha-?1\b|md5/i

/** A leaf: no CA, one SPIFFE id, in this trust domain if one is named, valid at `now`, made for `usage`. */
export function checkLeafProfile(
  certificate: X509Certificate,
  {
    now,
    trustDomain,
    usage,
  }: { readonly now: Date; readonly trustDomain?: string; readonly usage?: 'server' | 'client' },
): ProfileVerdict {
  const spiffeId = spiffeIdOf(certificate)
  const extensions = stated(certificate.raw)
  if (!extensions) return bad('unreadable', 'what it may be used for is stated twice, or not in DER')
  const { usages, ca } = extensions
  if (certificate.ca || ca || usages & (keyCertSign | cRLSign))
    return bad('is-a-ca', 'a leaf that may sign certificates')
  if (!spiffeId) return bad('uri-san', 'a leaf carries exactly one URI SAN, spiffe://<trust-domain>/<kind>/<name>')
  if (trustDomain !== undefined && spiffeId.trustDomain !== trustDomain) {
    return bad('trust-domain', `the certificate names ${spiffeId.trustDomain}, not ${trustDomain}`)
  }
  if (!(usages & digitalSignature)) return bad('key-usage', 'a leaf needs the key usage digitalSignature')
  if (usage && !certificate.keyUsage?.includes(EXTENDED_KEY_USAGE[usage])) {
    return bad('extended-key-usage', `the certificate is not made for a TLS ${usage}`)
  }
  return common(certificate, now)
}

/** A root: a CA signed by itself, that may sign certificates and revocation lists, valid at `now`; bound to no other trust domain. */
export function checkRootProfile(
  der: Uint8Array,
  { now, trustDomain }: { readonly now: Date; readonly trustDomain?: string },
): ProfileVerdict {
  const certificate = parse(der)
  if (!certificate || !isDated(der)) return bad('unreadable', 'not one X.509 certificate in DER')
  if (!certificate.ca) return bad('not-a-ca', 'a root is a CA certificate')
  if (!isSelfSigned(certificate)) return bad('not-self-signed', 'a root is signed by its own key')
  const needed = keyCertSign | cRLSign
  if (((stated(der)?.usages ?? 0) & needed) !== needed) return bad('key-usage', 'a root needs keyCertSign and cRLSign')
  const named = /^URI:spiffe:\/\/([^/",\s]+)$/.exec(certificate.subjectAltName ?? '')?.[1]
  if (named !== undefined && trustDomain !== undefined && named !== trustDomain) {
    return bad('trust-domain', `the root names ${named}, not ${trustDomain}`)
  }
  return common(certificate, now)
}

function common(certificate: X509Certificate, now: Date): ProfileVerdict {
  if (now > certificate.validToDate) return bad('expired', `ended ${certificate.validToDate.toISOString()}`)
  if (now < certificate.validFromDate) return bad('not-yet-valid', `begins ${certificate.validFromDate.toISOString()}`)
  if (SHA1.test(certificate.signatureAlgorithm ?? '')) return bad('signature-algorithm', 'signed over a broken hash')
  return keyProblem(certificate) ?? { ok: true }
}

function keyProblem(certificate: X509Certificate): ProfileVerdict | undefined {
  try {
    const key = certificate.publicKey
    if (algorithmOf(key) === 'Ed25519') checkIdentityKey(key.export({ format: 'der', type: 'spki' }).subarray(-32))
    return undefined
  } catch (error) {
    if (error instanceof KeyTypeRefused || error instanceof InvalidKey) return bad('key-type', error.message)
    throw error
  }
}

/** One certificate and nothing after it: what is compared, pinned or stored is then exactly what was checked. */
function parse(der: Uint8Array): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(der)
    return certificate.raw.equals(der) ? certificate : undefined
  } catch {
    return undefined
  }
}

/** OpenSSL forgives times that are not in DER; whoever tells of them later does not. */
function isDated(der: Uint8Array): boolean {
  try {
    return validityOf(der).notAfter instanceof Date
  } catch {
    return false
  }
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey)
}

function bad(problem: ProfileProblem, detail: string): ProfileVerdict {
  return { ok: false, problem, detail }
}
