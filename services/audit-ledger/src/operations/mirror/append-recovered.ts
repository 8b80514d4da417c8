import { hash } from 'node:crypto'
import { CALL_SENT, parseEntry, sentEntryId, type EntryFields } from '@powernode/ledger'
import { Edge, leafHash } from '@powernode/tlog'
import { isId } from '../../decision.ts'
import { readShipped, type MirrorEntry, type Shipped } from '../../mirrored.ts'
import * as appending from '../../store/appending.ts'
import * as entries from '../../store/entries.ts'
import * as erasures from '../../store/erasures.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import * as tiles from '../../store/tiles.ts'

export type Recovered = {
  readonly peerId: string
  readonly start: number
  readonly shipped: readonly Shipped[]
  /** Of these leaves, as they were verified against what we signed. */
  readonly hashes: readonly Uint8Array[]
  /** Where the entry will stand that says which payloads are gone: right after the last that is recovered. */
  readonly to: number
}

type Line = { readonly entry: MirrorEntry; readonly fields: EntryFields; readonly id: string }

/**
 * Appends entries that we had lost as they are: leaf by leaf what we signed, at the places they had, though the log is on
 * hold. Returns how large it is now.
 *
 * MUST be given only what was verified. What stands there already is passed over, so it can be done again, by any replica.
 * Payloads that were never disclosed came back from nobody: an erasure says so of each.
 */
export async function appendRecovered(tx: LedgerTx, now: Date, said: Recovered): Promise<number> {
  const [end] = await logs.takeEnds(tx, [said.peerId])
  if (!end) throw new Error('a log that was never opened cannot be recovered')
  const skip = end.size - said.start
  if (skip < 0 || skip >= said.shipped.length) return end.size
  const lines = await withIds(
    tx,
    end.id,
    said.shipped.slice(skip).map((one, at) => readAs(one, end.size + at, said)),
  )

  const edge = Edge.from(end.size, await tiles.edgeOf(tx, end.id, end.size))
  for (const { entry } of lines) edge.append(entry.leafHash)
  await appending.add(tx, columnsOf(end.id, lines, edge))
  await erasures.add(tx, lostPayloads(lines).map(({ first, last }) => ({ ...LOST, logId: end.id, first, last, at: now, recordedAt: said.to }))) // prettier-ignore
  return edge.size
}

const LOST = {
  ranOut: false,
  actor: 'platform',
  reason: 'lost with an earlier database; what the peer holds of it had no payload',
}

/** A payload that does not fit is dropped: the leaf is ours, whatever else the peer sends. */
function readAs(shipped: Shipped, sequence: number, { start, hashes }: Recovered): MirrorEntry {
  if (Buffer.compare(leafHash(shipped.leaf), hashes[sequence - start] ?? NOTHING) !== 0)
    throw new Error(`entry ${sequence} is not the one that was verified`)
  const bare = { leaf: shipped.leaf, salt: NOTHING, payload: NOTHING }
  return isFitting(shipped, sequence) ? readShipped(shipped, sequence) : readShipped(bare, sequence)
}

function isFitting(shipped: Shipped, sequence: number): boolean {
  try {
    readShipped(shipped, sequence)
    return true
  } catch {
    return false
  }
}

/**
 * A call's entry has the id of its decision, and the one that says that it left has the id beside that, which whoever tells it
 * again goes by. Of an event, and of a call that left once more, the leaf does not say which id it had: it gets one that follows from it.
 */
async function withIds(tx: LedgerTx, logId: number, all: readonly MirrorEntry[]): Promise<readonly Line[]> {
  const lines = all.map((entry) => ({ entry, fields: parseEntry(entry.leaf) }))
  const wanted = lines.flatMap(({ fields }) => toldId(fields) ?? [])
  const taken = new Set((await entries.known(tx, wanted)).map(({ id }) => id))
  return lines.map(({ entry, fields }) => {
    const told = toldId(fields)
    const id = told !== undefined && !taken.has(told) ? told : derivedId(logId, entry)
    taken.add(id)
    return { entry, fields, id }
  })
}

function toldId({ action, decisionId }: EntryFields): string | undefined {
  if (decisionId === undefined || !isId(decisionId)) return undefined
  return (action === CALL_SENT ? sentEntryId(decisionId) : decisionId).toLowerCase()
}

/** A UUID of version 8 (RFC 9562 §5.8). */
function derivedId(logId: number, { leaf }: MirrorEntry): string {
  const digest = hash('sha256', Buffer.concat([Buffer.from(`recovered.${logId}.`), leaf]), 'hex')
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`
}

function columnsOf(logId: number, lines: readonly Line[], edge: Edge): appending.Columns {
  return {
    logIds: lines.map(() => logId),
    sequences: lines.map(({ entry }) => entry.sequence),
    ids: lines.map(({ id }) => id),
    actions: lines.map(({ fields }) => fields.action),
    ats: lines.map(({ entry }) => entry.at),
    directions: lines.map(({ entry }) => entry.direction),
    remoteIds: lines.map(() => null),
    leaves: lines.map(({ entry }) => entry.leaf),
    leafHashes: lines.map(({ entry }) => entry.leafHash),
    payloads: lines.flatMap(({ entry: { payload } }, row) => (payload ? [{ row, ...payload, disclosed: true }] : [])),
    tiles: edge.takeFullTiles().map((tile) => ({ logId, ...tile })),
  }
}

/** Stretches of entries that committed to a payload which did not come back. */
function lostPayloads(lines: readonly Line[]): readonly { first: number; last: number }[] {
  const stretches: { first: number; last: number }[] = []
  for (const { entry, fields } of lines) {
    if (!fields.payloadSha256 || entry.payload) continue
    const before = stretches.at(-1)
    if (before && before.last === entry.sequence - 1) before.last = entry.sequence
    else stretches.push({ first: entry.sequence, last: entry.sequence })
  }
  return stretches
}

const NOTHING = new Uint8Array()
