import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { type Authority } from '../authority.ts'
import {
  newSerial,
  P256,
  signingKeyOf,
  spkiOf,
  subjectKeyIdentifier,
  authorityKeyIdentifier,
} from '../certificate-parts.ts'
import { x509 } from '../x509.ts'

const DAY_MS = 86_400_000
const { digitalSignature, keyCertSign, cRLSign } = x509.KeyUsageFlags

/** What a forger may choose; whatever is left out is as a good leaf has it. */
export type Forgery = {
  readonly publicKey: KeyObject
  readonly issuer: { readonly certificate: Uint8Array; readonly key: Uint8Array } | 'self'
  readonly privateKey?: Uint8Array
  readonly commonName?: string
  readonly uris?: readonly string[]
  readonly hosts?: readonly string[]
  readonly fromMs?: number
  readonly untilMs?: number
  readonly ca?: boolean
  /** KeyUsage bits, where they should not fit `ca`. */
  readonly keyUsage?: number
  readonly extendedKeyUsage?: boolean
  readonly hash?: 'SHA-1'
}

/** Signs anything: no rule of `issueCertificate` holds here. Times are relative to now. */
export async function forgeCertificate(forgery: Forgery): Promise<Buffer> {
  const { publicKey, issuer, commonName = 'forged', uris = [], hosts = ['localhost'], ca = false } = forgery
  const now = systemClock.now().getTime()
  const subject = new x509.Name([{ CN: [commonName] }])
  const signing = signingKeyOf(issuer === 'self' ? required(forgery.privateKey) : issuer.key)
  const names: x509.JsonGeneralNames = [
    ...uris.map((value) => ({ type: 'url' as const, value })),
    ...hosts.map((value) => ({ type: 'dns' as const, value })),
  ]
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: issuer === 'self' ? subject : new x509.X509Certificate(Uint8Array.from(issuer.certificate)).subjectName,
    notBefore: new Date(now + (forgery.fromMs ?? -DAY_MS)),
    notAfter: new Date(now + (forgery.untilMs ?? DAY_MS)),
    publicKey: spkiOf(publicKey),
    signingKey: signing.handle,
    signingAlgorithm: { ...P256, hash: forgery.hash ?? P256.hash },
    extensions: [
      new x509.BasicConstraintsExtension(ca, undefined, true),
      new x509.KeyUsagesExtension(forgery.keyUsage ?? (ca ? keyCertSign | cRLSign : digitalSignature), true),
      ...(forgery.extendedKeyUsage === false
        ? []
        : [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth])]),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
      subjectKeyIdentifier(publicKey),
      authorityKeyIdentifier(signing.publicKey),
    ],
  })
  return Buffer.from(certificate.rawData)
}

/** A CA bound to no trust domain, as a hostile peer would make it: nothing in its chain stops it from naming anybody. */
export async function forgeAuthority(commonName = 'unbound'): Promise<Authority> {
  const root = newKey()
  const issuing = newKey()
  const rootCertificate = await forgeCertificate({
    publicKey: root.publicKey,
    privateKey: root.pkcs8,
    issuer: 'self',
    commonName: `${commonName} root`,
    hosts: [],
    ca: true,
    extendedKeyUsage: false,
  })
  const issuingCertificate = await forgeCertificate({
    publicKey: issuing.publicKey,
    issuer: { certificate: rootCertificate, key: root.pkcs8 },
    commonName: `${commonName} issuing`,
    hosts: [],
    ca: true,
    extendedKeyUsage: false,
  })
  return { generation: 1, rootCertificate, rootKey: root.pkcs8, issuingCertificate, issuingKey: issuing.pkcs8 }
}

export function newKey(): { readonly publicKey: KeyObject; readonly pkcs8: Buffer } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { publicKey: createPublicKey(privateKey), pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }) }
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a self-signed forgery needs its private key')
  return value
}
