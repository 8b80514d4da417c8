import { encodeBundle, parseTilePath, TILE_WIDTH, type TilePath } from '@powernode/tlog'
import { wholeNote, type Head } from '../../log-files.ts'
import * as sealed from '../../store/sealed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { tileReader } from '../../store/tiles.ts'

type Said = { readonly origin: string; readonly path: string }

/** One file of a log as it would stand in a folder (C2SP tlog-tiles); undefined when there is none below what is signed. */
export async function readFile(tx: LedgerTx, _now: Date, { origin, path }: Said): Promise<Uint8Array | undefined> {
  const head = await sealed.headNamed(tx, { origin })
  if (!head) return undefined
  if (path === 'checkpoint') return Buffer.from(wholeNote(head))
  const below = /^pruning\/([1-9]\d{0,14})$/.exec(path)?.[1]
  if (below !== undefined) {
    const statement = await sealed.pruningStatement(tx, head.logId, Number(below))
    return statement === undefined ? undefined : Buffer.from(statement)
  }
  const tile = parseTilePath(path)
  return tile && isSigned(tile, head) ? tileOf(tx, head, tile) : undefined
}

function isSigned({ level, position, width }: TilePath, { size }: Head): boolean {
  return (position * TILE_WIDTH + width) * TILE_WIDTH ** (level === 'entries' ? 0 : level) <= size
}

async function tileOf(
  tx: LedgerTx,
  { logId }: Head,
  { level, position, width }: TilePath,
): Promise<Uint8Array | undefined> {
  if (level !== 'entries') return (await tileReader(tx, logId)([{ level, position, width }]))[0]
  const start = position * TILE_WIDTH
  const leaves = await sealed.leaves(tx, { logId }, { start, end: start + width })
  return leaves.length === width ? encodeBundle(leaves.map(({ leaf }) => leaf)) : undefined // dropped by retention
}
