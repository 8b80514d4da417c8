import { verify, type KeyObject } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import { CertificateList } from '@peculiar/asn1-x509'
import { type Authority } from './authority.ts'
import { authorityKeyIdentifier, crlNumber, P256, signingKeyOf, wholeSecond } from './certificate-parts.ts'
import { isOneSequence } from './der.ts'
import { x509 } from './x509.ts'

export type Revoked = {
  /** Lower-case hex. */
  readonly serial: string
  readonly revokedAt: Date
}

export type CrlParams = {
  /** Grows with every list of this issuer (RFC 5280 §5.2.3). */
  readonly number: number
  readonly now: Date
  /** After it, OpenSSL refuses every certificate of this issuer: renew well before. */
  readonly nextUpdate: Date
  /**
   * Whose list. Node asks OpenSSL to check the whole chain (CRL_CHECK_ALL), so whoever is handed the issuing CA's list
   * MUST be handed the root's too, or every handshake fails with "unable to get certificate CRL".
   */
  readonly issuer?: 'issuing' | 'root'
}

/** The list of what an authority has taken back, DER. By default the issuing CA's, who signed the leaves. */
export async function createCrl(authority: Authority, entries: readonly Revoked[], params: CrlParams): Promise<Buffer> {
  const { number, now, nextUpdate, issuer = 'issuing' } = params
  const [certificate, key] =
    issuer === 'root'
      ? [authority.rootCertificate, authority.rootKey]
      : [authority.issuingCertificate, authority.issuingKey]
  const signing = signingKeyOf(key)
  const crl = await x509.X509CrlGenerator.create({
    issuer: new x509.X509Certificate(certificate).subjectName,
    thisUpdate: wholeSecond(now),
    nextUpdate: wholeSecond(nextUpdate),
    entries: entries.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: wholeSecond(revokedAt) })),
    extensions: [authorityKeyIdentifier(signing.publicKey), crlNumber(BigInt(number))],
    signingKey: signing.handle,
    signingAlgorithm: P256,
  })
  return Buffer.from(crl.rawData)
}

/** Both lists that a TLS context needs to check one generation: the issuing CA's with these entries, and the root's, empty. */
export async function createCrls(
  authority: Authority,
  entries: readonly Revoked[],
  params: Omit<CrlParams, 'issuer'>,
): Promise<Buffer[]> {
  return [await createCrl(authority, entries, params), await createCrl(authority, [], { ...params, issuer: 'root' })]
}

/** A list as received. */
export type Crl = {
  readonly nextUpdate: Date | undefined
  /** Lower-case hex. */
  readonly serials: readonly string[]
  isSignedBy(issuer: KeyObject): boolean
}

/** Reads a list, or undefined when these bytes are not exactly one in DER. */
export function readCrl(der: Uint8Array): Crl | undefined {
  const crl = parse(der)
  if (!crl) return undefined
  return {
    nextUpdate: crl.nextUpdate,
    serials: crl.entries.map(({ serialNumber }) => serialNumber.toLowerCase()),
    isSignedBy: (issuer) => isSignedBy(der, issuer),
  }
}

function parse(der: Uint8Array): x509.X509Crl | undefined {
  if (!isOneSequence(der)) return undefined
  try {
    return new x509.X509Crl(Uint8Array.from(der))
  } catch {
    return undefined
  }
}

/** By node:crypto, over the bytes as received; a kind of signature we do not use counts as none. */
function isSignedBy(der: Uint8Array, issuer: KeyObject): boolean {
  const { tbsCertListRaw, signatureAlgorithm, signature } = AsnConvert.parse(Uint8Array.from(der), CertificateList)
  const digest = DIGEST[signatureAlgorithm.algorithm]
  if (digest === undefined || !tbsCertListRaw) return false
  return verify(digest, Buffer.from(tbsCertListRaw), issuer, Buffer.from(signature))
}

/** Digests by signature algorithm: ecdsa-with-SHA256, ecdsa-with-SHA384, Ed25519 (which brings its own). */
const DIGEST: Readonly<Record<string, string | null>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.3.101.112': null,
}
