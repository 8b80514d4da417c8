import type { TileReader } from '@powernode/tlog'
import * as entries from './entries.ts'
import type { LedgerTx } from './tables.ts'

const WIDTH = 256
const HASH_BYTES = 32

/** Somebody took out what was written down: of this log no tree can be made. */
export class LogDamaged extends Error {
  override readonly name = 'LogDamaged'
}

type Asked = Parameters<TileReader>[0][number]

/**
 * Reads tiles of a log's tree, complete or partial.
 *
 * Full ones are kept. What a partial one holds is rebuilt: of level 0 from the leaves, above from the roots of the full
 * tiles below (C2SP tlog-tiles: a hash at level L is that of a full tile at level L - 1).
 */
export function tileReader(tx: LedgerTx, logId: number): TileReader {
  return async (tiles) => {
    const full = await fullTiles(tx, logId, tiles)
    const partial = tiles.filter(({ level, position }) => !full.has(nameOf({ level, position })))
    const rebuilt = new Map<string, Uint8Array>()
    for (const tile of partial)
      rebuilt.set(`${nameOf(tile)}.p/${tile.width}`, Buffer.concat(await partialTile(tx, logId, tile)))
    return tiles.map((tile) => {
      const hashes =
        full.get(nameOf(tile))?.hashes ?? rebuilt.get(`${nameOf(tile)}.p/${tile.width}`) ?? new Uint8Array()
      return hashes.subarray(0, tile.width * HASH_BYTES)
    })
  }
}

type Name = Pick<Asked, 'level' | 'position'>

export const nameOf = ({ level, position }: Name): string => `${level}/${position}`

/** The hashes of the unfinished tile of each level, for a tree of this size: what an edge goes on from. */
export async function edgeOf(tx: LedgerTx, logId: number, size: number): Promise<readonly (readonly Buffer[])[]> {
  const levels: (readonly Buffer[])[] = []
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / WIDTH)) {
    const [position, width] = [Math.floor(nodes / WIDTH), nodes % WIDTH]
    levels.push(width === 0 ? [] : await partialTile(tx, logId, { level, position, width }))
  }
  return levels
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

async function partialTile(tx: LedgerTx, logId: number, { level, position, width }: Asked): Promise<Buffer[]> {
  const start = position * WIDTH
  const range = { start, end: start + width }
  const hashes = await (level === 0 ? entries.leafHashes(tx, logId, range) : rootsOf(tx, logId, level - 1, range))
  if (hashes.length !== width) {
    throw new LogDamaged(
      `tile ${level}/${position} of log ${logId} has ${hashes.length} of ${width} hashes: the log is damaged`,
    )
  }
  return hashes
}

async function rootsOf(
  tx: LedgerTx,
  logId: number,
  level: number,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Buffer[]> {
  const rows = await tx
    .selectFrom('tile')
    .select('root')
    .where('log_id', '=', logId)
    .where('level', '=', level)
    .where('position', '>=', start)
    .where('position', '<', end)
    .orderBy('position')
    .execute()
  return rows.map(({ root }) => root)
}
