import { TILE_WIDTH } from '@powernode/tlog'
import type { Segment, Tile, Tree } from '../../log-files.ts'
import * as prunings from '../../store/prunings.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'

type Said = { readonly tree: Tree; readonly first: number; readonly count: number }

/** Segments of a log that are full, and the full tiles above that end with one of them. */
export type Stretch = { readonly segments: readonly Segment[]; readonly tiles: readonly Tile[] }

/**
 * Reads what is full of a log and will never change: `count` segments from `first` on, of those there MUST be.
 *
 * Whether entries were dropped is asked after them, so that one that is missing and was not dropped is a damage.
 */
export async function readSegments(tx: LedgerTx, _now: Date, { tree, first, count }: Said): Promise<Stretch> {
  const end = first + count
  const tiles = await sealed.fullTiles(tx, tree, { level: 0, start: first, end })
  if (tiles.length !== count) throw new Error(`${tiles.length} of the tiles ${first} to ${end - 1} are there`)
  const leaves = await sealed.leaves(tx, tree, { start: first * TILE_WIDTH, end: end * TILE_WIDTH })
  const below = 'logId' in tree ? await prunings.prunedBelow(tx, tree.logId) : 0
  const segments = tiles.map(({ position, hashes }) => ({
    position,
    hashes,
    leaves: leavesOf(leaves, position, below),
  }))
  return { segments, tiles: await tilesAbove(tx, { tree, first, count }) }
}

function leavesOf(
  rows: readonly { readonly sequence: number; readonly leaf: Buffer }[],
  position: number,
  below: number,
): Buffer[] | undefined {
  const [from, to] = [position * TILE_WIDTH, (position + 1) * TILE_WIDTH]
  if (to <= below) return undefined
  const own = rows.filter(({ sequence }) => sequence >= from && sequence < to)
  if (own.length !== TILE_WIDTH) throw new Error(`${own.length} of the entries ${from} to ${to - 1} are there`)
  return own.map(({ leaf }) => leaf)
}

async function tilesAbove(tx: LedgerTx, { tree, first, count }: Said): Promise<Tile[]> {
  const tiles: Tile[] = []
  for (let level = 1, unit = TILE_WIDTH; unit <= first + count; level++, unit *= TILE_WIDTH) {
    const [start, end] = [Math.floor(first / unit), Math.floor((first + count) / unit)]
    if (end > start) tiles.push(...(await sealed.fullTiles(tx, tree, { level, start, end })))
  }
  return tiles
}
