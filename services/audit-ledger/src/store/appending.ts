import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

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

/**
 * Writes entries at the end of their logs, their payloads, and the tiles they fill, in one statement.
 * MUST hold the logs' locks; the database refuses a gap.
 *
 * Bytes travel packed into one value each and are cut up there: in arrays they would travel as hexadecimal text, twice as
 * long and escaped one by one, and that would cost more than all the rest of an append.
 */
export async function add(tx: LedgerTx, columns: Columns): Promise<void> {
  const { logIds, sequences, ids, actions, ats, directions, remoteIds, leaves, leafHashes, payloads, tiles } = columns
  const bodies = payloads.map(({ body }) => body)
  const entries = sql`
    insert into entry (log_id, sequence, id, action, at, direction, remote_id, leaf, leaf_hash)
    select e.log_id, e.sequence, e.id, e.action, to_timestamp(e.at / 1000), e.direction, e.remote_id,
      substr(${Buffer.concat(leaves)}::bytea, e.leaf_at, e.leaf_length),
      substr(${Buffer.concat(leafHashes)}::bytea, (e.n::int - 1) * 32 + 1, 32)
    from unnest(${logIds}::int[], ${sequences}::bigint[], ${ids}::uuid[], ${actions}::text[],
      ${ats.map(Number)}::float8[], ${directions}::text[], ${remoteIds}::uuid[], ${offsets(leaves)}::int[], ${lengths(leaves)}::int[])
      with ordinality as e (log_id, sequence, id, action, at, direction, remote_id, leaf_at, leaf_length, n)`
  const details = sql`
    insert into payload (log_id, sequence, salt, body, disclosed)
    select p.log_id, p.sequence, substr(${Buffer.concat(payloads.map(({ salt }) => salt))}::bytea, (p.n::int - 1) * 16 + 1, 16),
      convert_from(substr(${Buffer.concat(bodies)}::bytea, p.body_at, p.body_length), 'UTF8'), p.disclosed
    from unnest(${payloads.map(({ row }) => logIds[row])}::int[], ${payloads.map(({ row }) => sequences[row])}::bigint[],
      ${payloads.map(({ disclosed }) => disclosed)}::boolean[], ${offsets(bodies)}::int[], ${lengths(bodies)}::int[])
      with ordinality as p (log_id, sequence, disclosed, body_at, body_length, n)`
  const ctes = [...(payloads.length > 0 ? [sql`details as (${details})`] : []), ...(tiles.length > 0 ? [tileCte(tiles)] : [])]
  if (ctes.length === 0) await entries.execute(tx)
  else await sql`with ${sql.join(ctes)} ${entries}`.execute(tx)
}

function tileCte(tiles: Columns['tiles']) {
  return sql`tiles as (
    insert into tile (log_id, level, position, hashes, root)
    select t.log_id, t.level, t.position,
      substr(${Buffer.concat(tiles.map(({ hashes }) => hashes))}::bytea, (t.n::int - 1) * 8192 + 1, 8192),
      substr(${Buffer.concat(tiles.map(({ root }) => root))}::bytea, (t.n::int - 1) * 32 + 1, 32)
    from unnest(${tiles.map(({ logId }) => logId)}::int[], ${tiles.map(({ level }) => level)}::int[],
      ${tiles.map(({ position }) => position)}::bigint[])
      with ordinality as t (log_id, level, position, n))`
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
