import { HASH_BYTES, hashOver, rootAt, tilePath, tileWidth, TILE_WIDTH, type Checkpoint, type TileReader } from '@powernode/tlog' // prettier-ignore
import type { Findings } from '../damage.ts'
import type { LogFiles } from '../log-files.ts'
import type { UpperFlaw } from './upper-tiles.ts'
import { hashesOf, type Suspect } from './walk.ts'

/**
 * The entries do not give the signed root: names those that are to blame. The hashes of the tiles bear witness, as far as
 * they lead to the signed root themselves; where they do not, nobody can say more than that the root is wrong.
 */
export async function locate(
  files: LogFiles,
  checkpoint: Checkpoint,
  {
    suspects,
    flaws,
    broken,
  }: { readonly suspects: readonly Suspect[]; readonly flaws: readonly UpperFlaw[]; readonly broken: boolean },
  findings: Findings,
): Promise<void> {
  const before = findings.found
  const tiles = new SignedTiles(files, checkpoint)
  for (const suspect of suspects) await judge(suspect, tiles, findings)
  const judged = new Set(suspects.map(({ position }) => position))
  for (const flaw of flaws) if (flaw.level === 1) await judgeSegments(flaw, tiles, judged, findings)
  const isExplained = broken || findings.found > before || findings.has('missing_entry', 'altered_entry')
  if (!isExplained) findings.add('wrong_root', 'the entries do not give the root that was signed')
}

const NO_HASH = new Uint8Array()

/** One of entries and tile is what was signed; says which is not. */
async function judge(
  { position, fromEntries, fromTile, path }: Suspect,
  tiles: SignedTiles,
  findings: Findings,
): Promise<void> {
  // prettier-ignore
  const first = position * TILE_WIDTH
  const signed = await tiles.hashes(0, position)
  if (signed) {
    for (const [i, hash] of signed.entries())
      if (fromEntries && Buffer.compare(hash, fromEntries[i] ?? NO_HASH) !== 0)
        findings.add('altered_entry', `entry ${first + i} is not the one that was signed`, { index: first + i, path })
    return
  }
  const over = await tiles.hashAbove(0, position)
  if (!over) return
  findings.add('altered_tile', `the tile 0/${position} is not what was signed`, { index: first, path: tilePath(0, position, fromTile.length) }) // prettier-ignore
  if (fromEntries && Buffer.compare(hashOver(fromEntries), over) !== 0)
    findings.add('altered_entry', `one of the entries from ${first} on is not what was signed`, { index: first, path })
}

/** Entries and their tile were altered alike: the level above shows it. */
async function judgeSegments(
  flaw: UpperFlaw,
  tiles: SignedTiles,
  judged: ReadonlySet<number>,
  findings: Findings,
): Promise<void> {
  // prettier-ignore
  const signed = await tiles.hashes(1, flaw.position)
  const computed = hashesOf(flaw.hashes)
  for (const [i, hash] of (signed ?? []).entries()) {
    const position = flaw.position * TILE_WIDTH + i
    if (judged.has(position) || Buffer.compare(hash, computed[i] ?? hash) === 0) continue
    const index = position * TILE_WIDTH
    findings.add('altered_entry', `one of the entries ${index} to ${index + TILE_WIDTH - 1} is not what was signed, nor is their tile`, { index }) // prettier-ignore
  }
}

/** The tiles that lead to the signed root: from the right-hand edge, whose tiles make the root, down to the leaves. */
class SignedTiles {
  readonly #read: TileReader
  readonly #checkpoint: Checkpoint
  #edgeHolds: Promise<boolean> | undefined

  constructor(files: LogFiles, checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint
    this.#read = (tiles) => Promise.all(tiles.map((tile) => readTile(files, tile)))
  }

  /** The hashes of a tile, if they are what was signed. */
  async hashes(level: number, position: number): Promise<Uint8Array[] | undefined> {
    const width = tileWidth(level, position, this.#checkpoint.size)
    const [tile = new Uint8Array()] = await this.#read([{ level, position, width }])
    const hashes = hashesOf(tile)
    if (width === 0 || hashes.length !== width) return undefined
    if (width < TILE_WIDTH) return (await this.#edge()) ? hashes : undefined
    const over = await this.hashAbove(level, position)
    return over && Buffer.compare(hashOver(hashes), over) === 0 ? hashes : undefined
  }

  /** The signed hash over a full tile. */
  async hashAbove(level: number, position: number): Promise<Uint8Array | undefined> {
    if (tileWidth(level, position, this.#checkpoint.size) < TILE_WIDTH) return undefined
    const above = await this.hashes(level + 1, Math.floor(position / TILE_WIDTH))
    return above?.[position % TILE_WIDTH]
  }

  #edge(): Promise<boolean> {
    const { size, root } = this.#checkpoint
    this.#edgeHolds ??= rootAt(this.#read, size).then(
      (found) => Buffer.compare(found, root) === 0,
      () => false, // a tile of the edge is missing or short
    )
    return this.#edgeHolds
  }
}

async function readTile(
  files: LogFiles,
  { level, position, width }: Parameters<TileReader>[0][number],
): Promise<Uint8Array> {
  // prettier-ignore
  const tile = (await files.read(tilePath(level, position, width))) ?? (await files.read(tilePath(level, position)))
  return tile?.subarray(0, width * HASH_BYTES) ?? new Uint8Array()
}
