import { createCipheriv, createDecipheriv, hash, randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'

const FORMAT = 1
const KEY_BYTES = 32
const KEY_ID_BYTES = 4
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + KEY_ID_BYTES
const OVERHEAD_BYTES = HEADER_BYTES + NONCE_BYTES + TAG_BYTES

/** What was sealed cannot be opened: another key, another context, or other bytes. Which of them is not told apart, except the key. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken'
}

/** A sealing key that is missing, misshapen or left open to others. The message says how to mend it. */
export class SealingKeyUnusable extends Error {
  override readonly name = 'SealingKeyUnusable'
}

/** Where the key comes from. `previous…` is only ever opened with, so that a key can be replaced while rows still carry the old one. */
export type SealingKeySource = {
  readonly file?: string | undefined
  readonly value?: string | undefined
  readonly previousFile?: string | undefined
  readonly previousValue?: string | undefined
  /** The id of a key that an operator has given up for good, hex: what it sealed needs no more to be waited for. */
  readonly lost?: string | undefined
}

/**
 * Seals secrets for rest: AES-256-GCM, `format ‖ key id ‖ nonce ‖ ciphertext ‖ tag`.
 *
 * The context (which column of which row) is authenticated with it, so a sealed value copied into another row does not open.
 * Nonces are 96 random bits: one key MUST NOT seal more than 2^32 values (NIST SP 800-38D §8.3), a bound a CA never nears.
 */
export class SealingKey {
  readonly #current: Key
  readonly #previous: Key | undefined
  /** Of the keys, and of one that was given up. They stand before every sealed value, and tell nothing of the keys. */
  readonly ids: { readonly current: Buffer; readonly previous: Buffer | undefined; readonly lost: Buffer | undefined }

  // oxlint-disable-next-line max-params -- the keys in the order of their age
  constructor(current: Uint8Array, previous?: Uint8Array, lost?: string) {
    this.#current = keyOf(current)
    this.#previous = previous && keyOf(previous)
    this.ids = {
      current: this.#current.id,
      previous: this.#previous?.id,
      lost: lost === undefined ? undefined : Buffer.from(lost, 'hex'),
    }
  }

  seal(plaintext: Uint8Array, context: string): Buffer {
    const nonce = randomBytes(NONCE_BYTES)
    const header = Buffer.from([FORMAT, ...this.#current.id])
    const cipher = createCipheriv('aes-256-gcm', this.#current.bytes, nonce, { authTagLength: TAG_BYTES })
    cipher.setAAD(Buffer.concat([header, Buffer.from(context)]))
    return Buffer.concat([header, nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
  }

  /** Throws `SealBroken`; never returns bytes that were not sealed under this context. */
  open(sealed: Uint8Array, context: string): Buffer {
    if (sealed.length < OVERHEAD_BYTES || sealed[0] !== FORMAT) throw new SealBroken('not a sealed value')
    const key = this.#keyFor(sealed)
    const header = sealed.subarray(0, HEADER_BYTES)
    const nonce = sealed.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.concat([header, Buffer.from(context)]))
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
    const body = sealed.subarray(HEADER_BYTES + NONCE_BYTES, sealed.length - TAG_BYTES)
    try {
      return Buffer.concat([decipher.update(body), decipher.final()])
    } catch (cause) {
      throw new SealBroken('the sealed value was altered, or belongs to another context', { cause })
    }
  }

  /** Whether a value still waits to be sealed again under the current key. */
  isOutdated(sealed: Uint8Array): boolean {
    return !this.#current.id.equals(keyIdIn(sealed))
  }

  toJSON(): string {
    return '[redacted]'
  }

  #keyFor(sealed: Uint8Array): Key {
    const id = keyIdIn(sealed)
    const key = [this.#current, this.#previous].find((candidate) => candidate?.id.equals(id))
    if (!key) throw new SealBroken(`sealed with the key ${id.toString('hex')}, which this process does not hold`)
    return key
  }
}

/** Reads the key from a file or a value (base64 of 32 bytes; a file may also hold the 32 bytes as they are). */
export function readSealingKey(source: SealingKeySource): SealingKey {
  const current = keyFrom(source.file, source.value, 'sealing key')
  if (!current) {
    throw new SealingKeyUnusable('no sealing key given; make one: (umask 077; openssl rand -base64 32 > sealing.key)')
  }
  return new SealingKey(
    current,
    keyFrom(source.previousFile, source.previousValue, 'previous sealing key'),
    source.lost,
  )
}

/** Makes a new key file that only its owner may read. Refuses to replace one: what it sealed would be lost. */
export function createSealingKeyFile(path: string): void {
  writeFileSync(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { flag: 'wx', mode: 0o600 })
}

type Key = { readonly id: Buffer; readonly bytes: Buffer }

function keyOf(bytes: Uint8Array): Key {
  if (bytes.length !== KEY_BYTES) throw new SealingKeyUnusable(`a sealing key has 32 bytes, not ${bytes.length}`)
  const id = hash('sha256', Buffer.concat([Buffer.from('powernode sealing key id\0'), bytes]), 'buffer')
  return { id: id.subarray(0, KEY_ID_BYTES), bytes: Buffer.from(bytes) }
}

function keyIdIn(sealed: Uint8Array): Buffer {
  return Buffer.from(sealed.subarray(1, HEADER_BYTES))
}

function keyFrom(file: string | undefined, value: string | undefined, what: string): Buffer | undefined {
  if (file && value) throw new SealingKeyUnusable(`the ${what} is given twice, as a file and as a value; keep one`)
  if (value) return decodeBase64Key(value, `the ${what}`)
  if (!file) return undefined
  const openTo = statSync(file).mode & 0o027
  if (openTo !== 0) throw new SealingKeyUnusable(`${file} is open to other users; mend it: chmod 600 ${file}`)
  const content = readFileSync(file)
  return content.length === KEY_BYTES ? content : decodeBase64Key(content.toString('latin1'), file)
}

/** Strict base64: Node would silently skip characters it does not know and make a shorter, weaker key of the rest. */
function decodeBase64Key(content: string, where: string): Buffer {
  const text = content.trim()
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text)) {
    throw new SealingKeyUnusable(`${where} does not hold 32 bytes in base64; make one: openssl rand -base64 32`)
  }
  return Buffer.from(text, 'base64')
}
