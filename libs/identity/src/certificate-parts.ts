import { createPrivateKey, createPublicKey, hash, randomBytes, type KeyObject, type webcrypto } from 'node:crypto'
import { AsnConvert } from '@peculiar/asn1-schema'
import * as asn1 from '@peculiar/asn1-x509'
import { x509 } from './x509.ts'

/**
 * How far into the past a certificate's life begins.
 * A peer whose clock runs behind ours would refuse a certificate that, for it, is not valid yet; five minutes is the
 * skew that heartbeats tolerate too. It gives nothing away: the key did not exist, so nothing was signed with it.
 */
export const BACKDATED_BY_MS = 5 * 60_000

export const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** A key pair's private half as PKCS #8 (DER), ready to be signed with. */
export type SigningKey = { readonly handle: webcrypto.CryptoKey; readonly publicKey: KeyObject }

export function signingKeyOf(pkcs8: Uint8Array): SigningKey {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return { handle: key.toCryptoKey(algorithmOf(key), false, ['sign']), publicKey: createPublicKey(key) }
}

/** The two kinds of key the mesh signs with and for. Throws `KeyTypeRefused` for all others. */
export function algorithmOf(key: KeyObject): typeof P256 | 'Ed25519' {
  if (key.asymmetricKeyType === 'ed25519') return 'Ed25519'
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return P256
  throw new KeyTypeRefused(`keys are P-256 or Ed25519, not ${key.asymmetricKeyType}`)
}

export class KeyTypeRefused extends Error {
  override readonly name = 'KeyTypeRefused'
}

/** 16 random bytes, positive and of full length whatever they are: unguessable (CA/B BR §7.1) and unique without a counter. */
export function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes.readUInt8(0) & 0x7f) | 0x40
  return bytes.toString('hex')
}

/** X.509 times have whole seconds. */
export function backdated(from: Date): Date {
  return wholeSecond(new Date(from.getTime() - BACKDATED_BY_MS))
}

export function wholeSecond(at: Date): Date {
  return new Date(Math.floor(at.getTime() / 1000) * 1000)
}

export function spkiOf(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' })
}

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2 method 1): a name, not a security measure. */
function keyIdOf(key: KeyObject): Buffer {
  const { subjectPublicKey } = AsnConvert.parse(spkiOf(key), asn1.SubjectPublicKeyInfo)
  return hash('sha1', Buffer.from(subjectPublicKey), 'buffer')
}

export function subjectKeyIdentifier(key: KeyObject): x509.Extension {
  return new x509.SubjectKeyIdentifierExtension(keyIdOf(key).toString('hex'))
}

/** Tells issuers of one name apart, as generations of a CA may be. CRLs need it to be matched to their issuer. */
export function authorityKeyIdentifier(issuer: KeyObject): x509.Extension {
  return new x509.AuthorityKeyIdentifierExtension(keyIdOf(issuer).toString('hex'))
}

export function crlNumber(number: bigint): x509.Extension {
  const hex = number.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const positive = (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes
  const value = Buffer.concat([Buffer.of(0x02, positive.length), positive])
  return new x509.Extension(asn1.id_ce_cRLNumber, false, value)
}

/**
 * Only names under this trust domain may be vouched for by what this CA signs (RFC 5280 §4.2.1.10, critical).
 * So even a stolen issuing key cannot speak for another platform, whoever trusts its root.
 */
export function onlyNamesOf(trustDomain: string): x509.Extension {
  const base = new asn1.GeneralName({ uniformResourceIdentifier: trustDomain })
  const permittedSubtrees = new asn1.GeneralSubtrees([new asn1.GeneralSubtree({ base })])
  const constraints = new asn1.NameConstraints({ permittedSubtrees })
  return new x509.Extension(asn1.id_ce_nameConstraints, true, AsnConvert.serialize(constraints))
}

export function subjectAltNames(names: x509.JsonGeneralNames): x509.Extension {
  return new x509.SubjectAlternativeNameExtension(names, false)
}

export type Usage = 'server' | 'client'

export const EXTENDED_KEY_USAGE: Readonly<Record<Usage, string>> = {
  server: x509.ExtendedKeyUsage.serverAuth,
  client: x509.ExtendedKeyUsage.clientAuth,
}

/** Nobody believes a certificate beyond the end of the one that signed it. */
export function earlier(a: Date, b: Date): Date {
  return wholeSecond(a < b ? a : b)
}
