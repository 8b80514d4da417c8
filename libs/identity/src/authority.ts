import { generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto'
import {
  authorityKeyIdentifier,
  backdated,
  earlier,
  EXTENDED_KEY_USAGE,
  newSerial,
  onlyNamesOf,
  P256,
  signingKeyOf,
  spkiOf,
  subjectAltNames,
  subjectKeyIdentifier,
  wholeSecond,
} from './certificate-parts.ts'
import { isTrustDomain } from './spiffe.ts'
import { x509 } from './x509.ts'

const DAY_MS = 86_400_000
const ROOT_LIFE_MS = 3653 * DAY_MS
const ISSUING_LIFE_MS = 365 * DAY_MS

const { keyCertSign, cRLSign } = x509.KeyUsageFlags

/** One generation of a platform's CA: a root that signs only the issuing CA and its own CRL, and an issuing CA that signs all else. */
export type Authority = {
  readonly generation: number
  /** DER. */
  readonly rootCertificate: Buffer
  /** PKCS #8, DER. Secret. */
  readonly rootKey: Buffer
  readonly issuingCertificate: Buffer
  readonly issuingKey: Buffer
}

/** Something that this CA will not put its name to. */
export class CertificateRefused extends Error {
  override readonly name = 'CertificateRefused'
}

/** Makes a new generation of a platform's CA: root for ten years, issuing CA for one, both P-256, both bound to the trust domain. */
export async function createAuthority(params: {
  readonly trustDomain: string
  readonly generation: number
  readonly now: Date
}): Promise<Authority> {
  const { trustDomain, generation, now } = params
  if (!isTrustDomain(trustDomain)) throw new CertificateRefused(`not a trust domain: ${JSON.stringify(trustDomain)}`)
  const root = newCaKey()
  const name = caName('root', trustDomain, generation)
  const rootCertificate = await signCa({
    subject: name,
    publicKey: root.publicKey,
    issuer: { name, key: root.pkcs8 },
    pathLength: 1,
    trustDomain,
    notBefore: backdated(now),
    notAfter: wholeSecond(new Date(now.getTime() + ROOT_LIFE_MS)),
  })
  const issuing = newCaKey()
  const above = { generation, rootCertificate, rootKey: root.pkcs8 }
  const issuingCertificate = await signIssuing(above, issuing.publicKey, now)
  return { ...above, issuingCertificate, issuingKey: issuing.pkcs8 }
}

/**
 * The same generation with a new certificate for the key of its issuing CA: what that key has signed, leaves and
 * revocation lists, stays good, and nobody who trusts the root needs to be told. Ends with the root at the latest.
 */
export async function prolongIssuing(authority: Authority, now: Date): Promise<Authority> {
  const { publicKey } = signingKeyOf(authority.issuingKey)
  return { ...authority, issuingCertificate: await signIssuing(authority, publicKey, now) }
}

function signIssuing(
  { generation, rootCertificate, rootKey }: Pick<Authority, 'generation' | 'rootCertificate' | 'rootKey'>,
  publicKey: KeyObject,
  now: Date,
): Promise<Buffer> {
  const root = new X509Certificate(rootCertificate)
  const trustDomain = trustDomainOfCa(root)
  return signCa({
    subject: caName('issuing', trustDomain, generation),
    publicKey,
    issuer: { name: new x509.X509Certificate(rootCertificate).subjectName, key: rootKey },
    pathLength: 0,
    trustDomain,
    notBefore: backdated(now),
    notAfter: earlier(new Date(now.getTime() + ISSUING_LIFE_MS), root.validToDate),
  })
}

/** The trust domain a CA of ours was made for: its URI SAN without a path (X509-SVID §4.2). */
export function trustDomainOfCa(ca: X509Certificate): string {
  const [, trustDomain = ''] = /^URI:spiffe:\/\/([^/",\s]+)$/.exec(ca.subjectAltName ?? '') ?? []
  if (!ca.ca || !isTrustDomain(trustDomain)) throw new CertificateRefused('not a CA certificate of a trust domain')
  return trustDomain
}

type CaParams = {
  readonly subject: x509.Name
  readonly publicKey: KeyObject
  readonly issuer: { readonly name: x509.Name; readonly key: Uint8Array }
  readonly pathLength: number
  readonly trustDomain: string
  readonly notBefore: Date
  readonly notAfter: Date
}

async function signCa(params: CaParams): Promise<Buffer> {
  const signing = signingKeyOf(params.issuer.key)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: params.subject,
    issuer: params.issuer.name,
    notBefore: params.notBefore,
    notAfter: params.notAfter,
    publicKey: spkiOf(params.publicKey),
    signingKey: signing.handle,
    signingAlgorithm: P256,
    extensions: [
      new x509.BasicConstraintsExtension(true, params.pathLength, true),
      new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
      new x509.ExtendedKeyUsageExtension([EXTENDED_KEY_USAGE.server, EXTENDED_KEY_USAGE.client]),
      onlyNamesOf(params.trustDomain),
      subjectAltNames([{ type: 'url', value: `spiffe://${params.trustDomain}` }]),
      subjectKeyIdentifier(params.publicKey),
      authorityKeyIdentifier(signing.publicKey),
    ],
  })
  return Buffer.from(certificate.rawData)
}

function newCaKey(): { readonly publicKey: KeyObject; readonly pkcs8: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey, pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) }
}

/** A common name holds 64 characters at most (RFC 5280, ub-common-name); the whole domain stands in the URI SAN. */
function caName(role: string, trustDomain: string, generation: number): x509.Name {
  return new x509.Name([{ CN: [`${trustDomain.slice(0, 40)} ${role} ca ${generation}`] }])
}
