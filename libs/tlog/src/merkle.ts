import { hash } from 'node:crypto'

/** Merkle tree of RFC 6962 §2.1 with SHA-256, cut into tiles of eight levels (C2SP tlog-tiles). */
export const HASH_BYTES = 32
/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256

const sha256 = (bytes: Uint8Array): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'latin1')

/** The root of the tree without entries: MTH({}) = SHA-256(). */
export const EMPTY_ROOT: Uint8Array = Buffer.from(
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'hex',
)

/** Hash of an entry: SHA-256(0x00 ‖ entry). The prefix keeps an entry from passing for a node (second preimage). */
export function leafHash(entry: Uint8Array): Uint8Array {
  const input = entry.length < LEAF.length ? LEAF.subarray(0, entry.length + 1) : Buffer.alloc(entry.length + 1)
  input.set(entry, 1)
  return sha256(input)
}

/** Hash of two neighbours: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  NODE.set(left, 1)
  NODE.set(right, 1 + HASH_BYTES)
  return sha256(NODE)
}

/** Where input is laid out: nothing here waits, so one place for each is enough. */
const LEAF = Buffer.alloc(65_536)
const NODE = Buffer.alloc(1 + 2 * HASH_BYTES, 1)

/** 256 hashes of one level that will never change, and the hash over them: one hash of the level above. */
export type FullTile = {
  readonly level: number
  readonly position: number
  /** 8,192 bytes. */
  readonly hashes: Uint8Array
  readonly root: Uint8Array
}

/**
 * The right-hand edge of a growing tree: enough to append to it and to say its root, in memory that grows with the
 * logarithm of its size.
 */
export class Edge {
  #size = 0
  /** Roots of the perfect subtrees that the tree falls into, largest first: one for each bit of its size. */
  #subtrees: Uint8Array[] = []
  /** For each level, the hashes of the tile that is not full. */
  #tiles: Uint8Array[][] = []
  #full: FullTile[] = []

  static readonly empty = (): Edge => new Edge()

  /** The edge of a tree of `size`, from the unfinished tile of each level: MUST be as many hashes as that size has. */
  static from(size: number, partial: readonly (readonly Uint8Array[])[]): Edge {
    const edge = new Edge()
    edge.#size = size
    for (let level = 0, rest = size; rest > 0 || level < partial.length; level++) {
      const tile = partial[level] ?? []
      if (tile.length !== rest % TILE_WIDTH)
        throw new RangeError(`a tree of ${size} has ${rest % TILE_WIDTH} loose hashes on level ${level}, not ${tile.length}`) // prettier-ignore
      edge.#tiles[level] = [...tile]
      edge.#subtrees.unshift(...perfectSubtrees(tile))
      rest = Math.floor(rest / TILE_WIDTH)
    }
    return edge
  }

  get size(): number {
    return this.#size
  }

  append(leaf: Uint8Array): void {
    if (leaf.length !== HASH_BYTES) throw new RangeError(`a hash has ${HASH_BYTES} bytes, not ${leaf.length}`)
    this.#hang(0, leaf)
    let node = leaf
    let height = 0
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#subtrees.pop()
      if (!left) throw new Error('the edge has fewer subtrees than its size says')
      node = nodeHash(left, node)
      height++
      if (height % 8 === 0) this.#finish(height / 8 - 1, node)
    }
    this.#subtrees.push(node)
    this.#size++
  }

  /** The tiles that became full since the last call, lower levels first. Whoever keeps the tree MUST keep them. */
  takeFullTiles(): FullTile[] {
    const full = this.#full
    this.#full = []
    return full
  }

  root(): Uint8Array {
    return rootOf(this.#subtrees)
  }

  /** The unfinished tile of each level; the last of them is not empty. */
  partial(): readonly (readonly Uint8Array[])[] {
    return this.#tiles.slice(0, levelsOf(this.#size)).map((tile) => [...tile])
  }

  /** Grows on its own from here on. */
  copy(): Edge {
    const edge = new Edge()
    edge.#size = this.#size
    edge.#subtrees = [...this.#subtrees]
    edge.#tiles = this.#tiles.map((tile) => [...tile])
    edge.#full = [...this.#full]
    return edge
  }

  #hang(level: number, node: Uint8Array): void {
    const tile = (this.#tiles[level] ??= [])
    tile.push(node)
  }

  /** The tile of `level` has its last hash: `root` is the hash over it. */
  #finish(level: number, root: Uint8Array): void {
    const position = (this.#size + 1) / TILE_WIDTH ** (level + 1) - 1
    this.#full.push({ level, position, hashes: Buffer.concat(this.#tiles[level] ?? []), root })
    this.#tiles[level] = []
    this.#hang(level + 1, root)
  }
}

/** The root over perfect subtrees, largest first: folded from the right (RFC 6962 §2.1). */
export function rootOf(subtrees: readonly Uint8Array[]): Uint8Array {
  const last = subtrees.at(-1)
  if (!last) return EMPTY_ROOT
  let root = last
  for (let i = subtrees.length - 2; i >= 0; i--) root = nodeHash(subtrees[i] ?? EMPTY_ROOT, root)
  return root
}

/** The hash over neighbours that need not be a power of two. */
export const hashOver = (hashes: readonly Uint8Array[]): Uint8Array => rootOf(perfectSubtrees(hashes))

/** Splits neighbours into perfect subtrees, largest first, and hashes each. */
function perfectSubtrees(hashes: readonly Uint8Array[]): Uint8Array[] {
  const roots: Uint8Array[] = []
  for (let from = 0; from < hashes.length;) {
    const width = powerWithin(hashes.length - from)
    roots.push(perfect(hashes.slice(from, from + width)))
    from += width
  }
  return roots
}

/** The largest power of two that is not above `n`. */
export function powerWithin(n: number): number {
  const power = 2 ** Math.floor(Math.log2(n)) // one too high where log2 rounds up, just below 2^53
  return power > n ? power / 2 : power
}

function perfect(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i + 1 < row.length; i += 2) above.push(nodeHash(row[i] ?? EMPTY_ROOT, row[i + 1] ?? EMPTY_ROOT))
    row = above
  }
  return row[0] ?? EMPTY_ROOT
}

function levelsOf(size: number): number {
  let levels = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / TILE_WIDTH)) levels++
  return levels
}
