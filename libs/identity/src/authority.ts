import { createPublicKey, generateKeyPairSync, hash, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import {
  algorithmOf,
  authorityKeyIdentifier,
  backdated,
  newSerial,
  onlyNamesOf,
  P256,
  signingKeyOf,
  spkiOf,
  subjectAltNames,
  subjectKeyIdentifier,
  wholeSecond,
} from './certificate-parts.ts'
import { readCsr } from './csr.ts'
import { checkIdentityKey } from './platform-key.ts'
import { isTrustDomain, spiffeUri, type SpiffeId } from './spiffe.ts'
import { x509 } from './x509.ts'

const DAY_MS = 86_400_000
const ROOT_LIFE_MS = 3653 * DAY_MS
const ISSUING_LIFE_MS = 365 * DAY_MS

const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags

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

export type Usage = 'server' | 'client'

export type CertificateWanted = {
  /** Whose key: its SPKI (DER), or a request whose self-signature proves possession. Nothing else of the request is used. */
  readonly holder: { readonly publicKey: Uint8Array } | { readonly csrDer: Uint8Array }
  /** MUST lie in the authority's own trust domain. */
  readonly spiffeId: SpiffeId
  /** DNS names and IP addresses a service answers under. */
  readonly hosts?: readonly string[] | undefined
  /** The moment it is issued; what is written is five minutes earlier (see BACKDATED_BY_MS). */
  readonly notBefore: Date
  /** Cut to the issuing CA's own end, beyond which nobody would believe it. */
  readonly notAfter: Date
  readonly usages: readonly Usage[]
}

export type Issued = {
  readonly der: Buffer
  /** Lower-case hex, 32 digits. */
  readonly serial: string
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string
  readonly spiffeId: SpiffeId
  readonly generation: number
  readonly notBefore: Date
  readonly notAfter: Date
  /** Leaf, issuing CA, root; DER. What a server sends: the root too, so that a first contact can find the pinned one. */
  readonly chain: readonly Buffer[]
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
  return renewIssuing({ generation, rootCertificate, rootKey: root.pkcs8 }, now)
}

/** The same generation with a new issuing CA under the same root: nobody who trusts the root needs to be told. */
export async function renewIssuing(
  { generation, rootCertificate, rootKey }: Pick<Authority, 'generation' | 'rootCertificate' | 'rootKey'>,
  now: Date,
): Promise<Authority> {
  const root = new X509Certificate(rootCertificate)
  const trustDomain = trustDomainOfCa(root)
  const issuing = newCaKey()
  const issuingCertificate = await signCa({
    subject: caName('issuing', trustDomain, generation),
    publicKey: issuing.publicKey,
    issuer: { name: new x509.X509Certificate(rootCertificate).subjectName, key: rootKey },
    pathLength: 0,
    trustDomain,
    notBefore: backdated(now),
    notAfter: earlier(new Date(now.getTime() + ISSUING_LIFE_MS), root.validToDate),
  })
  return { generation, rootCertificate, rootKey, issuingCertificate, issuingKey: issuing.pkcs8 }
}

/**
 * Signs a leaf: one SPIFFE id, never a CA, for TLS alone.
 * The name comes from us, never from the request: a request proves possession of a key and nothing more.
 */
export async function issueCertificate(authority: Authority, wanted: CertificateWanted): Promise<Issued> {
  const issuing = new X509Certificate(authority.issuingCertificate)
  const trustDomain = trustDomainOfCa(issuing)
  const { spiffeId, hosts = [], usages } = wanted
  if (spiffeId.trustDomain !== trustDomain) {
    throw new CertificateRefused(`the CA of ${trustDomain} does not speak for ${spiffeId.trustDomain}`)
  }
  if (usages.length === 0) throw new CertificateRefused('a certificate is for a server, a client or both')
  const publicKey = await holderKey(wanted.holder, issuing)
  const notBefore = backdated(wanted.notBefore)
  const notAfter = earlier(wanted.notAfter, issuing.validToDate)
  if (notAfter <= wanted.notBefore) {
    throw new CertificateRefused(
      `nothing can be issued beyond ${issuing.validToDate.toISOString()}: renew the issuing CA`,
    )
  }
  const serial = newSerial()
  const signing = signingKeyOf(authority.issuingKey)
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial,
    subject: [{ OU: [spiffeId.kind] }, { CN: [spiffeId.name] }],
    issuer: new x509.X509Certificate(authority.issuingCertificate).subjectName,
    notBefore,
    notAfter,
    publicKey: spkiOf(publicKey),
    signingKey: signing.handle,
    signingAlgorithm: P256,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages.map((usage) => EXTENDED_KEY_USAGE[usage])),
      subjectAltNames([{ type: 'url', value: spiffeUri(spiffeId) }, ...hosts.map(hostName)]),
      subjectKeyIdentifier(publicKey),
      authorityKeyIdentifier(signing.publicKey),
    ],
  })
  const der = Buffer.from(certificate.rawData)
  return {
    der,
    serial,
    fingerprint: hash('sha256', der, 'hex'),
    spiffeId,
    generation: authority.generation,
    notBefore,
    notAfter,
    chain: [der, authority.issuingCertificate, authority.rootCertificate],
  }
}

/** The trust domain a CA of ours was made for: its URI SAN without a path (X509-SVID §4.2). */
export function trustDomainOfCa(ca: X509Certificate): string {
  const [, trustDomain = ''] = /^URI:spiffe:\/\/([^/",\s]+)$/.exec(ca.subjectAltName ?? '') ?? []
  if (!ca.ca || !isTrustDomain(trustDomain)) throw new CertificateRefused('not a CA certificate of a trust domain')
  return trustDomain
}

const EXTENDED_KEY_USAGE: Readonly<Record<Usage, string>> = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
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

/** A key we may certify. The CA's own key is refused: whoever holds a leaf would then hold the CA. */
async function holderKey(holder: CertificateWanted['holder'], issuing: X509Certificate): Promise<KeyObject> {
  const spki = 'csrDer' in holder ? (await readCsr(holder.csrDer)).spki : holder.publicKey
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  if (algorithmOf(key) === 'Ed25519') checkIdentityKey(spkiOf(key).subarray(-32))
  if (key.equals(issuing.publicKey)) throw new CertificateRefused('a certificate for the key of the CA itself')
  return key
}

const HOST = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/

/** Whole names only: a wildcard would let one service answer for its neighbours. */
function hostName(host: string): x509.JsonGeneralNames[number] {
  if (isIP(host)) return { type: 'ip', value: host }
  if (!HOST.test(host)) throw new CertificateRefused(`not a DNS name or IP address: ${JSON.stringify(host)}`)
  return { type: 'dns', value: host }
}

function newCaKey(): { readonly publicKey: KeyObject; readonly pkcs8: Buffer } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey, pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) }
}

/** A common name holds 64 characters at most (RFC 5280, ub-common-name); the whole domain stands in the URI SAN. */
function caName(role: string, trustDomain: string, generation: number): x509.Name {
  return new x509.Name([{ CN: [`${trustDomain.slice(0, 40)} ${role} ca ${generation}`] }])
}

function earlier(a: Date, b: Date): Date {
  return wholeSecond(a < b ? a : b)
}
