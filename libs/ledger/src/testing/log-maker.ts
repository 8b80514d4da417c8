import { createPrivateKey, hash, type KeyObject } from 'node:crypto'
import {
  cosigner,
  Edge,
  encodeBundle,
  entriesPath,
  formatCheckpoint,
  leafHash,
  logSigner,
  parseVkey,
  signatureLine,
  signNote,
  TILE_WIDTH,
  tilePath,
  type Verifier,
} from '@powernode/tlog'
import { commitPayload, encodeEntry, encodePayloadLine, payloadsPath } from '../index.ts'

export type LogKeys = { readonly origin: string; readonly log: KeyObject; readonly witness: KeyObject }
export const WITNESS = 'b.example/witness'
/** When the witness of a made log cosigns. */
const COSIGNED_AT = Date.UTC(2026, 6, 1)

/** Keys of the log of that name: the same in every run, and one log key for all logs of a platform. */
export function makeKeys(origin: string): LogKeys {
  const [domain = ''] = origin.split('/')
  return { origin, log: keyFrom(`log key of ${domain}`), witness: keyFrom('key of the witness') }
}

/** PKCS #8 of an Ed25519 key is these bytes and 32 of seed. */
const keyFrom = (words: string): KeyObject => {
  const seed = hash('sha256', words, 'buffer')
  const key = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' })
}

/** Who has signed what a `LogMaker` seals: the log and its witness. */
export const verifiersFor = ({ origin, log, witness }: LogKeys): Verifier[] => [
  parseVkey(logSigner(origin, log).vkey),
  parseVkey(cosigner(WITNESS, witness, 0).vkey),
]

/** Writes a log as files, as the service that owns it would: full tiles as they come, partial ones whenever it is sealed. */
export class LogMaker {
  readonly keys: LogKeys
  readonly #write: (path: string, bytes: Uint8Array) => void
  readonly #edge = Edge.empty()
  #bundle: Uint8Array[] = []
  #payloads = ''
  readonly #withPayloads: boolean

  constructor(keys: LogKeys, write: (path: string, bytes: Uint8Array) => void, { payloads = true } = {}) {
    this.keys = keys
    this.#write = write
    this.#withPayloads = payloads
  }

  /** Appends entries of about 300 bytes, the same ones in every run. */
  append(count: number): this {
    for (let i = 0; i < count; i++) this.add(this.#makeEntry(this.#edge.size))
    return this
  }

  /** Appends an entry as it is. */
  add(entry: Uint8Array): void {
    this.#bundle.push(entry)
    this.#edge.append(leafHash(entry))
    if (this.#bundle.length < TILE_WIDTH) return
    const position = this.#edge.size / TILE_WIDTH - 1
    this.#write(entriesPath(position), encodeBundle(this.#bundle))
    for (const tile of this.#edge.takeFullTiles()) this.#write(tilePath(tile.level, tile.position), tile.hashes)
    this.#writePayloads(position)
    this.#bundle = []
    this.#payloads = ''
  }

  /** Writes what is not full, and a cosigned checkpoint over everything; the note. */
  seal(): string {
    const { size } = this.#edge
    for (const [level, hashes] of this.#edge.partial().entries()) {
      const position = Math.floor(size / TILE_WIDTH ** (level + 1))
      if (hashes.length > 0) this.#write(tilePath(level, position, hashes.length), Buffer.concat(hashes))
    }
    const position = Math.floor(size / TILE_WIDTH)
    if (this.#bundle.length > 0) this.#write(entriesPath(position, this.#bundle.length), encodeBundle(this.#bundle))
    this.#writePayloads(position)
    const note = signHead(this.keys, { size, root: this.#edge.root() })
    this.#write('checkpoint', Buffer.from(note))
    return note
  }

  #writePayloads(position: number): void {
    if (this.#payloads !== '') this.#write(payloadsPath(position), Buffer.from(this.#payloads))
  }

  #makeEntry(sequence: number): Uint8Array {
    const id = hash('sha256', `${this.keys.origin} ${sequence}`)
    const salt = Buffer.from(id.slice(0, 32), 'hex')
    const payload = Buffer.from(`{"actor":"operator/ada","reason":"${id.slice(0, 12)}"}`)
    if (this.#withPayloads) this.#payloads += encodePayloadLine({ sequence, salt, payload })
    return encodeEntry({
      sequence,
      action: sequence % 5 === 0 ? 'federation.call.refused' : 'federation.call.allowed',
      at: new Date(Date.UTC(2026, 5, 1) + sequence * 7),
      actor: `peer/${id.slice(0, 20)}`,
      contentId: uuid(id, 0),
      decisionId: uuid(id, 8),
      direction: sequence % 2 === 0 ? 'in' : 'out',
      payloadSha256: commitPayload(salt, payload),
      resource: `agent/${id.slice(40, 52)}`,
    })
  }
}

/** A checkpoint signed by the log and cosigned by its witness. */
export function signHead(keys: LogKeys, head: { readonly size: number; readonly root: Uint8Array }): string {
  const body = formatCheckpoint({ origin: keys.origin, ...head })
  return signNote(body, [logSigner(keys.origin, keys.log), cosigner(WITNESS, keys.witness, COSIGNED_AT)])
}

/** The line that a witness puts under a checkpoint. */
export const cosignatureLine = (body: string, { witness }: LogKeys, atMs = COSIGNED_AT): string =>
  signatureLine(body, cosigner(WITNESS, witness, atMs))

/** A sealed log in memory. */
export function makeLog(keys: LogKeys, size: number, { payloads = true } = {}): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  new LogMaker(keys, (path, bytes) => files.set(path, bytes), { payloads }).append(size).seal()
  return files
}

const uuid = (hex: string, at: number): string =>
  `${hex.slice(at, at + 8)}-${hex.slice(at + 8, at + 12)}-4${hex.slice(at + 13, at + 16)}-8${hex.slice(at + 17, at + 20)}-${hex.slice(at + 20, at + 32)}` // prettier-ignore
