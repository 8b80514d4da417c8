import type { TileReader } from '@powernode/tlog'
import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

const WIDTH = 256
const HASH_BYTES = 32

/** Somebody took out what was written down: of this log no tree can be made. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged'
}

type Asked = Parameters<TileReader>[0][number]

/**
 * Reads tiles of a log's tree, complete or partial, all in one statement.
 *
 * Full ones are kept. What a partial one holds is rebuilt: of level 0 from the leaves, above from the roots of the full
 * tiles below (C2SP tlog-tiles: a hash at level L is that of a full tile at level L - 1).
 */
export function tileReader(tx: LedgerTx, logId: number): TileReader {
  return async (tiles) => hashesOf(tx, logId, tiles, { fromFull: true })
}

type Name = Pick<Asked, 'level' | 'position'>

export const nameOf = ({ level, position }: Name): string => `${level}/${position}`

/** The hashes of the unfinished tile of each level, for a tree of this size: what an edge goes on from. */
export async function edgeOf(tx: LedgerTx, logId: number, size: number): Promise<readonly (readonly Buffer[])[]> {
  const unfinished: Asked[] = []
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / WIDTH))
    unfinished.push({ level, position: Math.floor(nodes / WIDTH), width: nodes % WIDTH })
  const levels = await hashesOf(tx, logId, unfinished, { fromFull: false })
  return levels.map((hashes) =>
    Array.from({ length: hashes.length / HASH_BYTES }, (_, at) =>
      hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
    ),
  )
}

export type Kept = { readonly hashes: Buffer; readonly root: Buffer }

/** Those of these that are kept, by `nameOf`. */
export async function fullTiles(tx: LedgerTx, logId: number, asked: readonly Name[]): Promise<Map<string, Kept>> {
  if (asked.length === 0) return new Map()
  const rows = await tx
    .selectFrom('tile')
    .select(['level', 'position', 'hashes', 'root'])
    .where('log_id', '=', logId)
    .where((is) => is.or(asked.map(({ level, position }) => is.and({ level, position }))))
    .execute()
  return new Map(rows.map((row) => [nameOf(row), row]))
}

/** The first hashes of each of these tiles, as many as are asked for, packed: from those that are full, or from what is below. */
async function hashesOf(
  tx: LedgerTx,
  logId: number,
  asked: readonly Asked[],
  { fromFull }: { readonly fromFull: boolean },
): Promise<readonly Buffer[]> {
  if (asked.length === 0) return []
  const { rows } = await sql<{ hashes: Buffer | null }>`
    select coalesce(
      case when ${fromFull}::bool then (
        select substr(hashes, 1, asked.width * 32) from tile
        where log_id = ${logId} and level = asked.level and position = asked.position) end,
      case when asked.level = 0 then (
        select string_agg(leaf_hash, '' order by sequence) from entry
        where log_id = ${logId} and sequence >= asked.position * 256 and sequence < asked.position * 256 + asked.width)
      else (
        select string_agg(root, '' order by position) from tile
        where log_id = ${logId} and level = asked.level - 1
          and position >= asked.position * 256 and position < asked.position * 256 + asked.width) end) as hashes
    from unnest(${asked.map(({ level }) => level)}::int[], ${asked.map(({ position }) => position)}::bigint[],
      ${asked.map(({ width }) => width)}::int[]) with ordinality as asked (level, position, width, nth)
    order by nth`.execute(tx)
  return asked.map(({ level, position, width }, at) => {
    const hashes = rows[at]?.hashes ?? Buffer.alloc(0)
    if (hashes.length === width * HASH_BYTES) return hashes
    const found = hashes.length / HASH_BYTES
    throw new LogDamaged(
      `tile ${level}/${position} of log ${logId} has ${found} of ${width} hashes: the log is damaged`,
    )
  })
}
