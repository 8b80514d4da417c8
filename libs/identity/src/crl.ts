import { type Authority } from './authority.ts'
import { authorityKeyIdentifier, crlNumber, P256, signingKeyOf, wholeSecond } from './certificate-parts.ts'
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
