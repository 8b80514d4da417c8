import { createPublicKey, hash, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { CertificateRefused, trustDomainOfCa, type Authority } from './authority.ts'
import {
  algorithmOf,
  authorityKeyIdentifier,
  backdated,
  earlier,
  EXTENDED_KEY_USAGE,
  newSerial,
  P256,
  signingKeyOf,
  spkiOf,
  subjectAltNames,
  subjectKeyIdentifier,
  type Usage,
} from './certificate-parts.ts'
import { readCsr } from './csr.ts'
import { checkIdentityKey } from './platform-key.ts'
import { spiffeUri, type SpiffeId } from './spiffe.ts'
import { x509 } from './x509.ts'

export type CertificateWanted = {
  /** Whose key: its SPKI (DER), or a request whose self-signature proves possession. Nothing else of the request is used. */
  readonly holder: { readonly publicKey: Uint8Array } | { readonly csrDer: Uint8Array }
  /** MUST lie in the authority's own trust domain. */
  readonly spiffeId: SpiffeId
  /** In the place of the SPIFFE id's name, for servers that go by the common name. It says nothing to our own. */
  readonly commonName?: string | undefined
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

/**
 * Signs a leaf: one SPIFFE id, never a CA, for TLS alone.
 * The name comes from us, never from the request: a request proves possession of a key and nothing more.
 */
export async function issueCertificate(authority: Authority, wanted: CertificateWanted): Promise<Issued> {
  const issuing = new X509Certificate(authority.issuingCertificate)
  const trustDomain = trustDomainOfCa(issuing)
  const { spiffeId, commonName = spiffeId.name, hosts = [], usages } = wanted
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
    subject: [{ OU: [spiffeId.kind] }, { CN: [commonName] }],
    issuer: new x509.X509Certificate(authority.issuingCertificate).subjectName,
    notBefore,
    notAfter,
    publicKey: spkiOf(publicKey),
    signingKey: signing.handle,
    signingAlgorithm: P256,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
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
