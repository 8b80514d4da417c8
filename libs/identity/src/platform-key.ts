import { createPrivateKey, createPublicKey, generateKeyPairSync, hash, type KeyObject } from 'node:crypto'
import { Point } from '@noble/ed25519'

/** The long-lived Ed25519 key that is a platform's identity. It outlives every CA and signs for each of them. */
export type PlatformKey = {
  /** RFC 8032 encoding, 32 bytes. */
  readonly publicKey: Uint8Array
  readonly privateKey: KeyObject
}

/** A public key that nobody can rightly own. */
export class InvalidKey extends Error {
  override readonly name = 'InvalidKey'
}

/** A new identity. Made once in the life of a platform. */
export function generatePlatformKey(): PlatformKey {
  return platformKeyOf(generateKeyPairSync('ed25519').privateKey)
}

/** The identity kept at rest: PKCS #8, DER. */
export function platformKeyFromPkcs8(der: Uint8Array): PlatformKey {
  const privateKey = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new InvalidKey('a platform identity key is Ed25519')
  return platformKeyOf(privateKey)
}

/** The form to seal and keep. Secret. */
export function platformKeyToPkcs8(key: PlatformKey): Buffer {
  return key.privateKey.export({ format: 'der', type: 'pkcs8' })
}

/** A platform's id: lower-case base32 of the first 20 bytes of the SHA-256 of its identity key; 32 characters, no padding. */
export function platformIdOf(publicKey: Uint8Array): string {
  return base32(hash('sha256', publicKey, 'buffer').subarray(0, 20))
}

/** SHA-256 of an identity key, lower-case hex: what two people read to each other over the telephone. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return hash('sha256', publicKey, 'hex')
}

/**
 * Refuses what cannot be the identity of one platform; MUST be asked before a foreign key is stored or believed.
 *
 * Of low order (RFC 8032 §8.3 leaves them in): one signature verifies for many messages, so everybody "signed".
 * Not canonical (RFC 8032 §5.1.3): two byte strings, hence two platform ids, for one key.
 * Not on the curve, or outside the subgroup of prime order: no honest key generation makes them.
 */
export function checkIdentityKey(raw: Uint8Array): void {
  if (raw.length !== 32) throw new InvalidKey(`an identity key has 32 bytes, not ${raw.length}`)
  const key = Buffer.from(raw).toString('latin1')
  if (FOUND_GOOD.has(key)) return
  const point = decode(raw)
  if (point.isSmallOrder()) throw new InvalidKey('the identity key is of low order')
  if (!point.isTorsionFree()) throw new InvalidKey('the identity key lies outside the prime-order subgroup')
  const [oldest] = FOUND_GOOD
  if (FOUND_GOOD.size >= REMEMBERED && oldest !== undefined) FOUND_GOOD.delete(oldest)
  FOUND_GOOD.add(key)
}

/** What was found good stays good. The check costs milliseconds, and every statement of a peer asks for it again. */
const FOUND_GOOD = new Set<string>()
const REMEMBERED = 1_024

/** A raw public key as node:crypto wants it. Does not check it: see `checkIdentityKey`. */
export function publicKeyObject(raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function decode(raw: Uint8Array): Point {
  try {
    return Point.fromBytes(raw) // strict RFC 8032: y below the field's prime, x recoverable, no negative zero
  } catch (cause) {
    throw new InvalidKey('the identity key is not the canonical encoding of a point', { cause })
  }
}

function platformKeyOf(privateKey: KeyObject): PlatformKey {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return { publicKey: Uint8Array.from(Buffer.from(String(x), 'base64url')), privateKey }
}

/** RFC 4648 §6 in lower case, for whole multiples of five bytes, which need no padding. */
function base32(bytes: Uint8Array): string {
  const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five, 2)]).join('')
}
