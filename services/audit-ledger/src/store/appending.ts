import { bools, float8s, int4s, int8s, keptStatement, texts, uuids } from '@powernode/postgres'
import type { Executor, LedgerTx } from './tables.ts'

/** Entries by column, as they go to the database: one row at one index of each. Bytes stand packed, in the order of the rows. */
export type Columns = {
  readonly logIds: readonly number[]
  readonly sequences: readonly number[]
  readonly ids: readonly string[]
  readonly actions: readonly string[]
  readonly ats: readonly Date[]
  readonly directions: readonly (string | null)[]
  readonly remoteIds: readonly (string | null)[]
  readonly leaves: readonly Uint8Array[]
  readonly leafHashes: readonly Uint8Array[]
  readonly payloads: readonly {
    readonly row: number
    readonly salt: Uint8Array
    readonly body: Uint8Array
    readonly disclosed: boolean
  }[]
  readonly tiles: readonly {
    readonly logId: number
    readonly level: number
    readonly position: number
    readonly hashes: Uint8Array
    readonly root: Uint8Array
  }[]
}

/** Where a log ended when we last wrote to it. */
export type KnownEnd = {
  readonly name: string
  readonly id: number
  readonly size: number
  readonly leafHash: Uint8Array | null
}

/**
 * Writes entries at the end of their logs, their payloads, and the tiles they fill.
 * MUST hold the logs' locks; the database refuses a gap.
 */
export async function add(tx: LedgerTx, columns: Columns): Promise<void> {
  await writeEntries(tx, valuesOf(columns))
}

/**
 * The same in one statement with taking the locks, provided that these logs still end there and none is on hold; false, and
 * nothing written, otherwise.
 */
export async function addAtOnce(on: Executor, columns: Columns, ends: readonly KnownEnd[]): Promise<boolean> {
  const sorted = [...ends].sort((a, b) => (a.name < b.name ? -1 : 1))
  const known = [
    texts(sorted.map(({ name }) => name)),
    int4s(sorted.map(({ id }) => id)),
    int8s(sorted.map(({ size }) => size)),
    Buffer.concat(sorted.map(({ leafHash }) => leafHash ?? Buffer.alloc(32))),
  ]
  const [row] = await writeAtEnds(on, [...known, ...valuesOf(columns)])
  return row?.written === true
}

/** Calls of functions, whose plans are kept, by statements that are kept as well. */
const writeEntries = keptStatement('write_entries', `select write_entries(${parameters(23)})`)
const writeAtEnds = keptStatement<{ written: boolean }>(
  'write_at_ends',
  `select write_at_ends(${parameters(27)}) as written`,
)

function parameters(count: number): string {
  return Array.from({ length: count }, (_, n) => `$${n + 1}`).join(', ')
}

/**
 * Everything travels as bytes. Those of leaves, hashes and payloads are packed into one value each and cut up there: in arrays
 * they would be copied once more on either side.
 */
function valuesOf(columns: Columns): readonly Buffer[] {
  const { logIds, sequences, payloads, tiles } = columns
  const bodies = payloads.map(({ body }) => body)
  return [
    int4s(logIds),
    int8s(sequences),
    uuids(columns.ids),
    texts(columns.actions),
    float8s(columns.ats.map(Number)),
    texts(columns.directions),
    uuids(columns.remoteIds),
    int4s(offsets(columns.leaves)),
    int4s(lengths(columns.leaves)),
    Buffer.concat(columns.leaves),
    Buffer.concat(columns.leafHashes),

    int4s(payloads.map(({ row }) => logIds[row] ?? 0)),
    int8s(payloads.map(({ row }) => sequences[row] ?? 0)),
    bools(payloads.map(({ disclosed }) => disclosed)),
    int4s(offsets(bodies)),
    int4s(lengths(bodies)),
    Buffer.concat(bodies),
    Buffer.concat(payloads.map(({ salt }) => salt)),

    int4s(tiles.map(({ logId }) => logId)),
    int4s(tiles.map(({ level }) => level)),
    int8s(tiles.map(({ position }) => position)),
    Buffer.concat(tiles.map(({ hashes }) => hashes)),
    Buffer.concat(tiles.map(({ root }) => root)),
  ]
}

/** Where each part begins in all of them packed; SQL counts bytes from 1. */
function offsets(parts: readonly Uint8Array[]): number[] {
  let at = 1
  return parts.map(({ length }) => {
    const begins = at
    at += length
    return begins
  })
}

function lengths(parts: readonly Uint8Array[]): number[] {
  return parts.map(({ length }) => length)
}
