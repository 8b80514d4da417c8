import { leafHash, TILE_WIDTH } from '@powernode/tlog'
import { rimOf, type Head, type Rim } from '../../log-files.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

/** Reads what of a signed head fills no bundle and no tile. The log may have grown since; that changes none of it. */
export async function readRim(tx: LedgerTx, _now: Date, { logId, size }: Pick<Head, 'logId' | 'size'>): Promise<Rim> {
  const start = Math.floor(size / TILE_WIDTH) * TILE_WIDTH
  const leaves = (await sealed.leaves(tx, logId, { start, end: size })).map(({ leaf }) => leaf)
  const read = tileReader(tx, logId)
  const above = rimOf(size).filter(({ level }) => level > 0)
  const hashes = await read(above)
  const tiles = above.map(({ level, position }, i) => ({ level, position, hashes: hashes[i] ?? new Uint8Array() }))
  if (leaves.length === 0) return { leaves, tiles }
  const lowest = { level: 0, position: start / TILE_WIDTH, hashes: Buffer.concat(leaves.map(leafHash)) }
  return { leaves, tiles: [lowest, ...tiles] }
}
