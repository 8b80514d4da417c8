import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { create, toBinary } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { generatePlatformKey, platformIdOf, signStatement } from '@powernode/identity'
import { LedgerKeysSchema } from '@powernode/proto/powernode/federation/v1/ledger_pb.ts'
import { EnvelopeSchema, type Envelope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  consistencyProof,
  formatCheckpoint,
  leafHash,
  logSigner,
  nodeHash,
  rootAt,
  signNote,
  TILE_WIDTH,
  type TileReader,
} from '@powernode/tlog'
import type { PeerIdentity } from '../peer-keys.ts'
import { NOW } from '../testing.ts'

export const PEER_ID = '019f0000-0000-7000-8000-00000000beef'
/** What the peer calls the peering. */
export const REMOTE_ID = '019f0000-0000-7000-8000-00000000feed'

type Raw = { readonly key: KeyObject; readonly publicKey: Uint8Array }

export function newSigningKey(): Raw {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = createPrivateKey(privateKey.export({ format: 'pem', type: 'pkcs8' }))
  const { x } = publicKey.export({ format: 'jwk' })
  return { key, publicKey: Uint8Array.from(Buffer.from(String(x), 'base64url')) }
}

/** A platform of a test: its identity, its ledger's keys, and its log about us, which it may also rewrite. */
export class TestPeer {
  readonly identity = generatePlatformKey()
  readonly platformId = platformIdOf(this.identity.publicKey)
  readonly log = newSigningKey()
  readonly witness = newSigningKey()
  readonly trustDomain: string
  readonly peerId: string
  #leaves: Uint8Array[] = []

  constructor({ trustDomain = 'b.test', peerId = PEER_ID }: { trustDomain?: string; peerId?: string } = {}) {
    this.trustDomain = trustDomain
    this.peerId = peerId
  }

  get origin(): string {
    return `${this.trustDomain}/peers/${REMOTE_ID}`
  }

  get known(): PeerIdentity {
    const { peerId, platformId, trustDomain } = this
    return { peerId, platformId, identityKey: this.identity.publicKey, remotePeerId: REMOTE_ID, trustDomain }
  }

  /** What its identity key states of its ledger's keys. */
  states(said: Record<string, unknown> = {}): Envelope {
    const statement = create(LedgerKeysSchema, {
      platformId: this.platformId,
      trustDomain: this.trustDomain,
      logPublicKey: this.log.publicKey,
      witnessPublicKey: this.witness.publicKey,
      sequence: 1n,
      at: timestampFromDate(NOW),
      ...said,
    })
    return signStatement(LedgerKeysSchema, statement, this.identity)
  }

  statement(said: Record<string, unknown> = {}): Uint8Array {
    return toBinary(EnvelopeSchema, this.states(said))
  }

  write(...entries: string[]): this {
    this.#leaves.push(...entries.map((entry) => leafHash(Buffer.from(entry))))
    return this
  }

  grow(count: number): this {
    const from = this.#leaves.length
    return this.write(...Array.from({ length: count }, (_, n) => `entry ${from + n}`))
  }

  /** As if the entry had always been another. */
  rewrite(index: number): this {
    this.#leaves[index] = leafHash(Buffer.from('something else'))
    return this
  }

  /** As a backup that was put back. */
  cutTo(size: number): this {
    this.#leaves.length = size
    return this
  }

  async body(size = this.#leaves.length): Promise<string> {
    return formatCheckpoint({ origin: this.origin, size, root: await rootAt(this.#read, size) })
  }

  async note(size = this.#leaves.length, key = this.log.key): Promise<string> {
    return signNote(await this.body(size), [logSigner(this.origin, key)])
  }

  async proof(from: number, size = this.#leaves.length): Promise<Uint8Array[]> {
    return from === 0 || from >= size ? [] : consistencyProof(this.#read, from, size)
  }

  #read: TileReader = async (tiles) =>
    tiles.map(({ level, position, width }) => {
      const hashes = Array.from({ length: width }, (_, n) => this.#node(level, position * TILE_WIDTH + n))
      return Buffer.concat(hashes)
    })

  /** The hash at `level`, over 256 to the power of it leaves. */
  #node(level: number, at: number): Uint8Array {
    const width = TILE_WIDTH ** level
    let row = this.#leaves.slice(at * width, (at + 1) * width)
    while (row.length > 1) row = pairs(row)
    return row[0] ?? new Uint8Array()
  }
}

const pairs = (row: readonly Uint8Array[]): Uint8Array[] =>
  Array.from({ length: row.length / 2 }, (_, n) => nodeHash(row[2 * n]!, row[2 * n + 1]!))
