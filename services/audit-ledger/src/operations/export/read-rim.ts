import { leafHash, TILE_WIDTH } from '@powernode/tlog'
import { rimOf, type Rim, type Tile, type Tree } from '../../log-files.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Reads what of a tree of this size fills no bundle and no tile. The log may have grown since; that changes none of it. */
export async function readRim(
  tx: LedgerTx,
  _now: Date,
  { tree, size }: { readonly tree: Tree; readonly size: number },
): Promise<Rim> {
  const start = Math.floor(size / TILE_WIDTH) * TILE_WIDTH
  const leaves = (await sealed.leaves(tx, tree, { start, end: size })).map(({ leaf }) => leaf)
  const tiles: Tile[] = []
  for (const { level, position, width } of rimOf(size)) {
    const first = position * TILE_WIDTH
    const hashes =
      level === 0
        ? leaves.map(leafHash)
        : await sealed.roots(tx, tree, { level: level - 1, start: first, end: first + width })
    if (hashes.length !== width) throw new Error(`tile ${level}/${position} has ${hashes.length} of ${width} hashes`)
    tiles.push({ level, position, hashes: Buffer.concat(hashes) })
  }
  return { leaves, tiles }
}
