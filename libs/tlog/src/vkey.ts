import { createPublicKey, hash, sign, verify, type KeyObject } from 'node:crypto'
import { checkIdentityKey, publicKeyObject } from '@powernode/identity'
import { cosignedMessage, timestampBytes, timestampOf } from './cosignature.ts'
import { fromBase64, malformed, toBase64 } from './note-flaw.ts'

/** Signature types of C2SP signed-note that we write and believe. */
const TYPES = { ed25519: 0x01, 'cosignature/v1': 0x04 } as const
export type SignatureType = keyof typeof TYPES

export type Signer = {
  readonly name: string
  readonly keyId: Buffer
  readonly vkey: string
  /** What stands after the key id. */
  sign(body: string): Uint8Array
}

export type Verifier = {
  readonly name: string
  readonly keyId: Buffer
  readonly vkey: string
  readonly type: SignatureType
  /** RFC 8032 encoding, 32 bytes. */
  readonly publicKey: Uint8Array
  verify(body: string, signature: Uint8Array): boolean
}

/** Signs for a log: plain Ed25519 over the note's text. The name SHOULD be the origin of the log (tlog-checkpoint). */
export function logSigner(name: string, key: KeyObject): Signer {
  return { ...named(name, 'ed25519', rawPublicKey(key)), sign: (body) => sign(null, Buffer.from(body), key) }
}

/** Signs as a witness that has seen the checkpoint consistent at that moment: tlog-cosignature, Ed25519. */
export function cosigner(name: string, key: KeyObject, atMs: number): Signer {
  const seconds = Math.floor(atMs / 1_000)
  const cosign = (body: string) => sign(null, Buffer.from(cosignedMessage(seconds, body)), key)
  return {
    ...named(name, 'cosignature/v1', rawPublicKey(key)),
    sign: (body) => Buffer.concat([timestampBytes(seconds), cosign(body)]),
  }
}

/** The vkey of a public key under a name. Refuses keys that nobody can rightly own. */
export function verifierOf(name: string, type: SignatureType, publicKey: Uint8Array): Verifier {
  try {
    checkIdentityKey(publicKey)
  } catch (cause) {
    throw malformed(`the key of ${name} is not a sound Ed25519 key`, cause)
  }
  const key = publicKeyObject(publicKey)
  const holds = (message: string, signature: Uint8Array) => verify(null, Buffer.from(message), key, signature)
  return { ...named(name, type, publicKey), type, publicKey, verify: VERIFY[type](holds) }
}

type Holds = (message: string, signature: Uint8Array) => boolean

const VERIFY: Readonly<Record<SignatureType, (holds: Holds) => Verifier['verify']>> = {
  ed25519: (holds) => (body, signature) => signature.length === 64 && holds(body, signature),
  'cosignature/v1': (holds) => (body, signature) => {
    const seconds = timestampOf(signature)
    return seconds !== undefined && holds(cosignedMessage(seconds, body), signature.subarray(8))
  },
}

/**
 * Reads `<name>+<key id in hex>+<base64 of type and key>`. The key id MUST be the one that name, type and key give, and the
 * key one that has a single owner: of low order, a signature made by nobody would verify.
 */
export function parseVkey(text: string): Verifier {
  const { name = '', id = '', key = '' } = VKEY.exec(text)?.groups ?? {}
  if (!isKeyName(name)) throw malformed('not a verification key: <name>+<key id>+<key>')
  const bytes = fromBase64(key, 'the key')
  const type = (Object.keys(TYPES) as SignatureType[]).find((some) => TYPES[some] === bytes[0]) // keys of a constant
  if (!type) throw malformed(`signatures of type ${bytes[0]} are not known here`)
  const verifier = verifierOf(name, type, Uint8Array.from(bytes.subarray(1)))
  if (verifier.keyId.toString('hex') !== id) throw malformed(`the key id of ${name} is not that of its key`)
  return verifier
}

const VKEY = /^(?<name>[^+]+)\+(?<id>[0-9a-f]{8})\+(?<key>[A-Za-z0-9+/=]+)$/

/** Not empty, no Unicode space, no plus, no control character (C2SP signed-note). */
export const isKeyName = (name: string): boolean =>
  name.length > 0 && name.isWellFormed() && !/[\s+\p{White_Space}\p{Cc}]/u.test(name)

function named(name: string, type: SignatureType, publicKey: Uint8Array): Pick<Signer, 'name' | 'keyId' | 'vkey'> {
  if (!isKeyName(name)) throw malformed(`${JSON.stringify(name)} cannot be the name of a key`)
  const material = Buffer.from([TYPES[type], ...publicKey])
  const keyId = hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), material]), 'buffer').subarray(0, 4)
  return { name, keyId, vkey: `${name}+${keyId.toString('hex')}+${toBase64(material)}` }
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const { x, crv } = (key.type === 'public' ? key : createPublicKey(key)).export({ format: 'jwk' })
  if (crv !== 'Ed25519') throw malformed('a note is signed with an Ed25519 key')
  return Uint8Array.from(Buffer.from(String(x), 'base64url'))
}
