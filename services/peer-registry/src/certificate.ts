export type CertificateKind = 'service' | 'operator' | 'peer' | 'instance' | 'root' | 'issuing'

/** A certificate we issued. The certificate itself is with its owner; the serial is what we revoke. */
export type Certificate = {
  readonly serial: string
  readonly kind: CertificateKind
  readonly spiffeId: string
  readonly generation: number
  readonly notBefore: Date
  readonly notAfter: Date
  readonly fingerprint: string
  readonly peerId: string | null
  readonly hosts: readonly string[]
  /** In the place of the name, where it has another: the role by which a machine is known to Postgres. */
  readonly commonName: string | null
  readonly revokedAt: Date | null
  readonly revocationReason: string
}

export type AuthorityStatus = 'next' | 'current' | 'previous' | 'retired'

/** One generation of the CA as it rests: private keys sealed, revocation lists as base64 DER. */
export type SealedAuthority = {
  readonly generation: number
  readonly status: AuthorityStatus
  readonly rootCertificate: Buffer
  readonly rootKeySealed: Buffer
  readonly issuingCertificate: Buffer
  readonly issuingKeySealed: Buffer
  readonly crlNumber: number
  readonly crls: readonly string[]
  readonly crlsUpdatedAt: Date
  readonly createdAt: Date
}
