import { commitPayload, EntryFlaw, parseEntry, type DamageKind, type EntryFields } from '@powernode/ledger'
import { Edge, leafHash, NoteFlaw, openNote, parseCheckpoint, TILE_WIDTH, type Verifier } from '@powernode/tlog'
import * as checkpoints from '../../store/checkpoints.ts'
import * as entries from '../../store/entries.ts'
import * as erasures from '../../store/erasures.ts'
import * as logs from '../../store/logs.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as tiles from '../../store/tiles.ts'

export type Damage = { readonly kind: DamageKind; readonly at: number; readonly detail: string }

/** Where verification begins: behind what is gone by retention, whose hashes the tiles vouch for. */
export async function beginVerify(
  tx: LedgerTx,
  _now: Date,
  { log: name }: { readonly log: string },
): Promise<{ readonly log: logs.Log; readonly edge: Edge; readonly size: number } | undefined> {
  const log = await logs.find(tx, name)
  if (!log) return undefined
  const start = await prunings.prunedBelow(tx, log.id)
  const edge = Edge.from(start, await tiles.edgeOf(tx, log.id, start))
  return { log, edge, size: await entries.size(tx, log.id) }
}

/**
 * Recomputes the next stretch of a log: leaves, columns, payloads, tiles, and what was signed. Returns how far
 * that got, or the first damage. The edge given stays as it is.
 */
export async function verifyStretch(
  tx: LedgerTx,
  _now: Date,
  { log, edge: begin, size, limit, verifier }: Said,
): Promise<Edge | Damage> {
  const edge = begin.copy()
  const start = edge.size
  const rows = await entries.stretch(tx, log.id, { start, end: size, limit })
  const range = { first: start, last: (rows.at(-1)?.sequence ?? start) + 1 }
  const erased = await erasures.within(tx, log.id, range)
  const signed = new Map((await checkpoints.within(tx, log.id, range)).map((one) => [one.size, one]))
  for (const row of rows) {
    const damage = row.sequence === edge.size ? damageOf(row, erased) : missing(edge.size)
    if (damage) return damage
    edge.append(leafHash(row.leaf))
    const checkpoint = signed.get(edge.size)
    const torn = checkpoint && damageOfSigned(checkpoint, edge.root(), verifier)
    if (torn) return torn
  }
  if (rows.length === 0) return missing(start)
  return (await damageOfTiles(tx, log, edge)) ?? edge
}

type Said = {
  readonly log: logs.Log
  /** How far it was recomputed, of which size. */
  readonly edge: Edge
  readonly size: number
  readonly limit: number
  /** Of the log's key. */
  readonly verifier: Verifier
}

function damageOf(row: entries.Row, erased: readonly erasures.Erasure[]): Damage | undefined {
  const { sequence: at, leaf, action, direction, salt, body } = row
  let said: EntryFields
  try {
    said = parseEntry(leaf)
  } catch (error) {
    if (error instanceof EntryFlaw) return { kind: 'malformed_entry', at, detail: error.message }
    throw error
  }
  const isSame =
    said.sequence === at &&
    said.at.getTime() === row.at.getTime() &&
    said.action === action &&
    (said.direction ?? null) === direction
  if (!isSame) return { kind: 'altered_entry', at, detail: 'its columns do not say what was hashed' }
  if (body === null || !salt) {
    return said.payloadSha256 && !erasures.covering(erased, row)
      ? { kind: 'altered_payload', at, detail: 'the payload is gone, and nobody says who erased it' }
      : undefined
  }
  const committed = commitPayload(salt, Buffer.from(body))
  if (said.payloadSha256 && Buffer.compare(committed, said.payloadSha256) === 0) return undefined
  return { kind: 'altered_payload', at, detail: 'the payload is not the one that was hashed' }
}

function damageOfSigned(
  { size, root, note }: checkpoints.Checkpoint,
  ours: Uint8Array,
  verifier: Verifier,
): Damage | undefined {
  try {
    const { body, verified } = openNote(note, [verifier])
    const said = parseCheckpoint(body)
    const isSound = verified.length > 0 && said.size === size && Buffer.compare(said.root, root) === 0
    if (!isSound) return { kind: 'bad_signature', at: size, detail: `nothing we signed says the root of size ${size}` }
  } catch (error) {
    if (error instanceof NoteFlaw) return { kind: 'bad_signature', at: size, detail: error.message }
    throw error
  }
  if (Buffer.compare(root, ours) === 0) return undefined
  return { kind: 'wrong_root', at: size, detail: `size ${size} was signed with another root` }
}

async function damageOfTiles(tx: LedgerTx, log: logs.Log, edge: Edge): Promise<Damage | undefined> {
  const full = edge.takeFullTiles()
  const asked = full.map(({ level, position }) => ({ level, position, width: TILE_WIDTH }))
  const kept = await tiles.tileReader(tx, log.id)(asked)
  const torn = full.find(({ hashes }, at) => Buffer.compare(hashes, kept[at] ?? new Uint8Array()) !== 0)
  if (!torn) return undefined
  return {
    kind: 'altered_tile',
    at: edge.size,
    detail: `tile ${torn.level}/${torn.position} is not that of the entries`,
  }
}

function missing(at: number): Damage {
  return { kind: 'missing_entry', at, detail: `entry ${at} is not there` }
}
