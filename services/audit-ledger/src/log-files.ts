import { addSignatures, entriesPath, encodeBundle, leafHash, rootAt, TILE_WIDTH, tilePath } from '@powernode/tlog'

/** What is written down in two places, one of them made never to change, and is not the same. */
export class Contradiction extends Error {
  override readonly name = 'Contradiction'
  /** The checkpoint that was found there, as evidence; empty: none was. */
  readonly found: string

  constructor(message: string, { found = '', ...options }: ErrorOptions & { readonly found?: string } = {}) {
    super(message, options)
    this.found = found
  }
}

/** Where a log lies outside of the database: in LEDGER_DIR, and in the stream LEDGER. */
export type CopyPlace = 'files' | 'worm'

/** A path below the folder of a log (C2SP tlog-tiles), and what stands there. */
export type File = { readonly path: string; readonly content: Uint8Array }

/** One of our logs, or the copy of a peer's log about us. */
export type Tree = { readonly logId: number } | { readonly peerId: string }

/** Up to where a log is signed. */
export type Head = {
  readonly logId: number
  readonly name: string
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  readonly note: string
  /** Signature lines of witnesses. */
  readonly cosignatures: readonly string[]
}

/** 256 entries that will never change: a full bundle, and the tile over it. */
export type Segment = {
  readonly position: number
  /** Absent: dropped by retention. */
  readonly leaves: readonly Uint8Array[] | undefined
  readonly hashes: Uint8Array
}

export type Tile = { readonly level: number; readonly position: number; readonly hashes: Uint8Array }

/** What of a tree at one size fills no bundle and no tile yet. */
export type Rim = { readonly leaves: readonly Uint8Array[]; readonly tiles: readonly Tile[] }

const HASH_BYTES = 32

/** The note with all signatures that stand under it by now. */
export const wholeNote = ({ note, cosignatures }: Pick<Head, 'note' | 'cosignatures'>): string =>
  cosignatures.length === 0 ? note : addSignatures(note, cosignatures)

export const checkpointFile = (head: Pick<Head, 'note' | 'cosignatures'>): File => ({
  path: 'checkpoint',
  content: Buffer.from(wholeNote(head)),
})

/** The two files of a segment, after its entries were held against its tile. */
export function segmentFiles({ position, leaves, hashes }: Segment): File[] {
  const tile = { path: tilePath(0, position), content: hashes }
  if (leaves === undefined) return [tile]
  checkLeaves(leaves, { position, hashes })
  return [tile, { path: entriesPath(position), content: encodeBundle(leaves) }]
}

export const tileFile = ({ level, position, hashes }: Tile): File => ({
  path: tilePath(level, position, hashes.length / HASH_BYTES),
  content: hashes,
})

/**
 * The unfinished tiles and bundle of a head, after they were held against its root: what is written under a signature is
 * what was signed.
 */
export async function rimFiles(head: Pick<Head, 'origin' | 'size' | 'root'>, { leaves, tiles }: Rim): Promise<File[]> {
  const root = await rootAt(readerOf(tiles), head.size)
  if (!equal(root, head.root))
    throw new Contradiction(
      `the entries of ${head.origin} do not lead to the root that was signed for size ${head.size}`,
    )
  const position = Math.floor(head.size / TILE_WIDTH)
  const hashes = tiles.find(({ level }) => level === 0)?.hashes ?? new Uint8Array()
  checkLeaves(leaves, { position, hashes })
  const bundle = { path: entriesPath(position, leaves.length), content: encodeBundle(leaves) }
  return [...tiles.map(tileFile), ...(leaves.length > 0 ? [bundle] : [])]
}

/** The paths of the unfinished tiles and bundle of a tree of this size. */
export function rimPaths(size: number): string[] {
  const tiles = rimOf(size).map(({ level, position, width }) => tilePath(level, position, width))
  const width = size % TILE_WIDTH
  return width === 0 ? tiles : [...tiles, entriesPath(Math.floor(size / TILE_WIDTH), width)]
}

/** The unfinished tile of each level in a tree of this size, where there is one. */
export function rimOf(size: number): { readonly level: number; readonly position: number; readonly width: number }[] {
  const rim = []
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const width = nodes % TILE_WIDTH
    if (width > 0) rim.push({ level, position: Math.floor(nodes / TILE_WIDTH), width })
  }
  return rim
}

function checkLeaves(leaves: readonly Uint8Array[], tile: { readonly position: number; readonly hashes: Uint8Array }) {
  const of = (i: number) => tile.hashes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)
  const wrong = leaves.findIndex((leaf, i) => !equal(leafHash(leaf), of(i)))
  if (wrong >= 0)
    throw new Contradiction(`entry ${tile.position * TILE_WIDTH + wrong} is not the one that stands in the tree`)
}

function readerOf(tiles: readonly Tile[]): Parameters<typeof rootAt>[0] {
  return (asked) =>
    Promise.resolve(
      asked.map(({ level, position, width }) => {
        const tile = tiles.find((one) => one.level === level && one.position === position)
        if (!tile) throw new Error(`tile ${level}/${position} is no unfinished one`)
        return tile.hashes.subarray(0, width * HASH_BYTES)
      }),
    )
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
