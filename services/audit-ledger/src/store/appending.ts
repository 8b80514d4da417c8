import { sql, type QueryExecutorProvider, type RawBuilder } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** What runs a statement: a transaction, or the pool, on which a statement is a transaction by itself. */
export type Executor = QueryExecutorProvider

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
  await sql`select write_entries(${entriesOf(columns)}, ${payloadsOf(columns)}, ${tilesOf(columns)})`.execute(tx)
}

/**
 * The same in one statement with taking the locks, provided that these logs still end there and none is on hold; false, and
 * nothing written, otherwise.
 */
export async function addAtOnce(on: Executor, columns: Columns, ends: readonly KnownEnd[]): Promise<boolean> {
  const sorted = [...ends].sort((a, b) => (a.name < b.name ? -1 : 1))
  const known = sql`${sorted.map(({ name }) => name)}, ${sorted.map(({ id }) => id)}, ${sorted.map(({ size }) => size)},
    ${Buffer.concat(sorted.map(({ leafHash }) => leafHash ?? Buffer.alloc(32)))}`
  const { rows } = await sql<{ written: boolean }>`
    select write_at_ends(${known}, ${entriesOf(columns)}, ${payloadsOf(columns)}, ${tilesOf(columns)}) as written`.execute(
    on,
  )
  return rows[0]?.written === true
}

/**
 * Bytes travel packed into one value each and are cut up there: in arrays they would travel as hexadecimal text, twice as long
 * and escaped one by one, and that would cost more than all the rest of an append. And the statements are a function's, because
 * their plans are kept then.
 */
function entriesOf(columns: Columns): RawBuilder<unknown> {
  const { logIds, sequences, ids, actions, ats, directions, remoteIds, leaves, leafHashes } = columns
  return sql`${logIds}, ${sequences}, ${ids}, ${actions}, ${ats.map(Number)}, ${directions}, ${remoteIds},
    ${offsets(leaves)}, ${lengths(leaves)}, ${Buffer.concat(leaves)}, ${Buffer.concat(leafHashes)}`
}

function payloadsOf({ payloads, logIds, sequences }: Columns): RawBuilder<unknown> {
  const bodies = payloads.map(({ body }) => body)
  return sql`${payloads.map(({ row }) => logIds[row])}, ${payloads.map(({ row }) => sequences[row])},
    ${payloads.map(({ disclosed }) => disclosed)}, ${offsets(bodies)}, ${lengths(bodies)}, ${Buffer.concat(bodies)},
    ${Buffer.concat(payloads.map(({ salt }) => salt))}`
}

function tilesOf({ tiles }: Columns): RawBuilder<unknown> {
  return sql`${tiles.map(({ logId }) => logId)}, ${tiles.map(({ level }) => level)},
    ${tiles.map(({ position }) => position)}, ${Buffer.concat(tiles.map(({ hashes }) => hashes))},
    ${Buffer.concat(tiles.map(({ root }) => root))}`
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
