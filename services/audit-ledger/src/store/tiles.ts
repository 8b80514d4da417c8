import type { TileReader } from '@powernode/tlog'
import { sql } from 'kysely'
import type { Executor, LedgerTx } from './tables.ts'

const WIDTH = 256
const HASH_BYTES = 32

/** Somebody took out what was written down: of this log no tree can be made. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged'
}

type Asked = Parameters<TileReader>[0][number]

/**
 * Reads tiles of a log's tree, complete or partial, all in one statement: a function's, whose plan is kept.
 *
 * Full ones are kept. What a partial one holds is rebuilt: of level 0 from the leaves, above from the roots of the full
 * tiles below (C2SP tlog-tiles: a hash at level L is that of a full tile at level L - 1).
 */
export function tileReader(on: Executor, logId: number): TileReader {
  return async (tiles) => hashesOf(on, logId, tiles, { fromFull: true })
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
  on: Executor,
  logId: number,
  asked: readonly Asked[],
  { fromFull }: { readonly fromFull: boolean },
): Promise<readonly Buffer[]> {
  if (asked.length === 0) return []
  const { rows } = await sql<{ hashes: Buffer | null }>`
    select tile_hashes(${logId}, ${asked.map(({ level }) => level)}, ${asked.map(({ position }) => position)},
      ${asked.map(({ width }) => width)}, ${fromFull}) as hashes`.execute(on)
  return asked.map(({ level, position, width }, at) => {
    const hashes = rows[at]?.hashes ?? Buffer.alloc(0)
    if (hashes.length === width * HASH_BYTES) return hashes
    const found = hashes.length / HASH_BYTES
    throw new LogDamaged(
      `tile ${level}/${position} of log ${logId} has ${found} of ${width} hashes: the log is damaged`,
    )
  })
}
