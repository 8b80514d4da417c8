import { commitPayload, EntryFlaw, parseEntry, type DamageKind, type EntryFields } from '@powernode/ledger'
import { Edge, leafHash, NoteFlaw, openNote, parseCheckpoint, type Verifier } from '@powernode/tlog'
import { PLATFORM_LOG } from '../../new-entry.ts'
import { noSuchLog } from '../../no-such-log.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as entries from '../../store/entries.ts'
import * as erasures from '../../store/erasures.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import * as prunings from '../../store/prunings.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as tiles from '../../store/tiles.ts'

export type Damage = { readonly kind: DamageKind; readonly at: number; readonly detail: string }

/**
 * Where verification begins: behind what is gone by retention, whose hashes the tiles vouch for. Undefined for the platform's own log
 * before its first entry; of every other there is an entry as soon as it is there.
 */
export async function beginVerify(
  tx: LedgerTx,
  _now: Date,
  { log: name }: { readonly log: string },
): Promise<{ readonly log: logs.Log; readonly edge: Edge; readonly size: number } | undefined> {
  const log = await logs.find(tx, name)
  if (!log && name === PLATFORM_LOG) return undefined
  if (!log) throw noSuchLog(`nobody has written to log ${name}`, name)
  // First, since entries come before what is signed of them: what was signed and is not there is missing.
  const signed = (await checkpoints.newest(tx, log.id))?.size ?? 0
  const start = await prunings.prunedBelow(tx, log.id)
  const edge = Edge.from(start, await tiles.edgeOf(tx, log.id, start))
  return { log, edge, size: Math.max(signed, await entries.size(tx, log.id)) }
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
  return (
    (await damageOfHashes(tx, log, rows)) ??
    (await damageOfTiles(tx, log, edge)) ??
    (await damageOfErasures(tx, log, { erased, size })) ??
    edge
  )
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

/** The hashes that the next entries are hashed together with. */
async function damageOfHashes(tx: LedgerTx, log: logs.Log, rows: readonly entries.Row[]): Promise<Damage | undefined> {
  const [start, end] = [rows[0]?.sequence ?? 0, (rows.at(-1)?.sequence ?? 0) + 1]
  const kept = await entries.leafHashes(tx, log.id, { start, end })
  const torn = rows.find(({ leaf }, at) => Buffer.compare(leafHash(leaf), kept[at] ?? NOTHING) !== 0)
  if (!torn) return undefined
  return { kind: 'altered_entry', at: torn.sequence, detail: 'the hash beside it is not that of the entry' }
}

async function damageOfTiles(tx: LedgerTx, log: logs.Log, edge: Edge): Promise<Damage | undefined> {
  const full = edge.takeFullTiles()
  const kept = await tiles.fullTiles(tx, log.id, full)
  for (const { level, position, hashes, root } of full) {
    const tile = kept.get(tiles.nameOf({ level, position }))
    const name = `tile ${level}/${position}`
    if (!tile) return { kind: 'missing_tile', at: edge.size, detail: `${name} is not there` }
    if (Buffer.compare(hashes, tile.hashes) !== 0 || Buffer.compare(root, tile.root) !== 0)
      return { kind: 'altered_tile', at: edge.size, detail: `${name} is not that of the entries` }
  }
  return undefined
}

const RECORDS: ReadonlySet<string> = new Set(['federation.audit.erased', 'federation.audit.payloads_lost'])

/** An erasure counts as said by the entry that says it, which is in the tree: the row alone is anybody's. */
async function damageOfErasures(
  tx: LedgerTx,
  log: logs.Log,
  { erased, size }: { readonly erased: readonly erasures.Erasure[]; readonly size: number },
): Promise<Damage | undefined> {
  const said = erased.filter(({ ranOut }) => !ranOut)
  const wanted = [...new Set(said.map(({ recordedAt }) => recordedAt ?? -1))]
  const records = new Map((await entries.ofSequences(tx, log.id, wanted)).map((row) => [row.sequence, row]))
  const silent = said.find((erasure) => !isRecorded(erasure, records.get(erasure.recordedAt ?? -1)))
  if (!silent) return undefined
  // What is lost is said once all of it is back that can come back, and until then the log is on hold.
  const isComing = silent.recordedAt !== null && silent.recordedAt >= size && (await holds.reasonOf(tx, log.id))
  return isComing
    ? undefined
    : { kind: 'altered_payload', at: silent.first, detail: 'no entry of the log says that this payload was erased' }
}

function isRecorded({ first, last }: erasures.Erasure, record: entries.Row | undefined): boolean {
  if (!record || !RECORDS.has(record.action) || record.sequence <= last) return false
  if (record.action !== 'federation.audit.erased' || record.body === null) return true
  const { sequences } = JSON.parse(record.body) as { readonly sequences?: readonly string[] } // it is the one that was hashed
  return first === last && sequences?.includes(String(first)) === true
}

const NOTHING = new Uint8Array()

function missing(at: number): Damage {
  return { kind: 'missing_entry', at, detail: `entry ${at} is not there` }
}
