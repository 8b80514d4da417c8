import { EMPTY_ROOT, HASH_BYTES, nodeHash, powerWithin, rootOf, TILE_WIDTH } from './merkle.ts'
import { Tile } from './tile.ts'

export type TileRef = { readonly level: number; readonly position: number; readonly width: number }

/** Reads tiles, full or partial: MUST give as many hashes as `width` asks, from the first on. */
export type TileReader = (tiles: readonly TileRef[]) => Promise<readonly Uint8Array[]>

/** A reader that may give tiles which were hashed over before. */
export type TileSource = (tiles: readonly TileRef[]) => Promise<readonly (Uint8Array | Tile)[]>

/** Entries from `from` up to but without `to`. */
type Range = { readonly from: number; readonly to: number }

/** That the entry at `index` is in the tree of `size`: PATH(m, D[n]) of RFC 6962 §2.1.1, the leaf's sibling first. */
export async function inclusionProof(read: TileSource, index: number, size: number): Promise<Uint8Array[]> {
  if (!isSize(size) || !isSize(index) || index >= size) throw new RangeError(`no entry ${index} in a tree of ${size}`)
  return hashesOf(read, path(index, { from: 0, to: size }), size)
}

/** That the tree of `size` continues that of `oldSize`: PROOF(m, D[n]) of RFC 6962 §2.1.2. */
export async function consistencyProof(read: TileSource, oldSize: number, size: number): Promise<Uint8Array[]> {
  if (!isSize(size) || !isSize(oldSize) || oldSize === 0 || oldSize > size)
    throw new RangeError(`no proof leads from a tree of ${oldSize} to one of ${size}`)
  return hashesOf(read, subproof(oldSize, { from: 0, to: size }, true), size)
}

/** The root that the tree had at `size`. */
export async function rootAt(read: TileSource, size: number): Promise<Uint8Array> {
  if (!isSize(size)) throw new RangeError(`${size} is no size of a tree`)
  if (size === 0) return EMPTY_ROOT
  const [root] = await hashesOf(read, [{ from: 0, to: size }], size)
  return root ?? EMPTY_ROOT
}

/** As many hashes as the tile has in a tree of `size`. */
export function tileWidth(level: number, position: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level) - position * TILE_WIDTH
  return Math.max(0, Math.min(TILE_WIDTH, hashes))
}

/** Why an inclusion proof does not hold, or undefined when it does. */
export function checkInclusion(claim: {
  readonly index: number
  readonly size: number
  readonly leafHash: Uint8Array
  readonly proof: readonly Uint8Array[]
  readonly root: Uint8Array
}): string | undefined {
  const { index, size, proof } = claim
  if (!isSize(size) || !isSize(index) || index >= size) return `there is no entry ${index} in a tree of ${size}`
  if (![claim.leafHash, claim.root, ...proof].every(isHash)) return `a hash has ${HASH_BYTES} bytes`
  let node = claim.leafHash
  let [at, last, used] = [index, size - 1, 0]
  for (; last > 0; at = half(at), last = half(last)) {
    if (at % 2 === 0 && at === last) continue // no sibling: the node itself stands one level up
    const sibling = proof[used++]
    if (!sibling) return 'the proof is too short'
    node = at % 2 === 1 ? nodeHash(sibling, node) : nodeHash(node, sibling)
  }
  if (used < proof.length) return 'the proof is too long'
  return same(node, claim.root) ? undefined : 'the proof leads to another root'
}

/**
 * Why a consistency proof does not hold, or undefined when it does. From size 0 there is nothing to prove, so a "proof"
 * from there is a flaw: taken for good, it would let a log replace everything.
 */
export function checkConsistency(claim: {
  readonly oldSize: number
  readonly oldRoot: Uint8Array
  readonly size: number
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}): string | undefined {
  const { oldSize, size, proof, oldRoot, root } = claim
  if (!isSize(size) || !isSize(oldSize)) return 'a size is not a whole number'
  if (oldSize === 0) return 'nothing can be proven from size 0'
  if (oldSize > size) return `the old size ${oldSize} is above ${size}`
  if (oldSize === size) {
    if (proof.length > 0) return 'the proof is too long'
    return same(oldRoot, root) ? undefined : 'one size has two roots'
  }
  if (![oldRoot, root, ...proof].every(isHash)) return `a hash has ${HASH_BYTES} bytes`
  return climb(claim)
}

/** RFC 9162 §2.1.4.2: both roots are rebuilt from the same hashes, from the last whole subtree of the old tree upwards. */
function climb({ oldSize, oldRoot, size, root, proof }: Parameters<typeof checkConsistency>[0]): string | undefined {
  let [at, last, used] = [oldSize - 1, size - 1, 0]
  for (; at % 2 === 1; at = half(at)) last = half(last)
  const seed = at > 0 ? proof[used++] : oldRoot
  if (!seed) return 'the proof is too short'
  let [older, newer] = [seed, seed]
  for (; last > 0; at = half(at), last = half(last)) {
    if (at % 2 === 0 && at === last) continue
    const hash = proof[used++]
    if (!hash) return 'the proof is too short'
    if (at % 2 === 1) {
      older = nodeHash(hash, older)
      newer = nodeHash(hash, newer)
    } else newer = nodeHash(newer, hash)
  }
  if (used < proof.length) return 'the proof is too long'
  if (!same(older, oldRoot)) return 'the proof leads to another old root'
  return same(newer, root) ? undefined : 'the proof leads to another root'
}

function path(index: number, { from, to }: Range): Range[] {
  if (to - from === 1) return []
  const middle = from + leftOf(to - from)
  return index < middle
    ? [...path(index, { from, to: middle }), { from: middle, to }]
    : [...path(index, { from: middle, to }), { from, to: middle }]
}

/** SUBPROOF(m, D[n], b): `whole` while the old tree is a subtree from the first entry on, whose root is known. */
function subproof(oldSize: number, { from, to }: Range, whole: boolean): Range[] {
  if (oldSize === to) return whole ? [] : [{ from, to }]
  const middle = from + leftOf(to - from)
  return oldSize <= middle
    ? [...subproof(oldSize, { from, to: middle }, whole), { from: middle, to }]
    : [...subproof(oldSize, { from: middle, to }, false), { from, to: middle }]
}

/** A perfect subtree, as the hashes of one tile that it stands over. */
type Piece = TileRef & { readonly offset: number; readonly count: number }

/** Hashes over ranges, each read from the highest tiles that hold it, and each tile read once. */
async function hashesOf(read: TileSource, ranges: readonly Range[], size: number): Promise<Uint8Array[]> {
  const pieces = ranges.map((range) => piecesOf(range, size))
  const wanted = new Map(pieces.flat().map(({ level, position, width }) => [`${level}/${position}`, { level, position, width }])) // prettier-ignore
  const tiles = wanted.size > 0 ? await read([...wanted.values()]) : []
  const held = new Map(Array.from(wanted, ([key, ref], i) => [key, whole(tiles[i], ref)]))
  const hashOf = ({ level, position, offset, count }: Piece): Uint8Array =>
    held.get(`${level}/${position}`)?.over(offset, count) ?? EMPTY_ROOT
  return pieces.map((some) => rootOf(some.map(hashOf)))
}

function whole(found: Uint8Array | Tile = new Uint8Array(), { level, position, width }: TileRef): Tile {
  const tile = found instanceof Tile ? found : new Tile(found)
  if (tile.hashes.length === width * HASH_BYTES) return tile
  throw new Error(`tile ${level}/${position} of width ${width} has ${tile.hashes.length} bytes`)
}

/** The perfect subtrees of a range that begins at a multiple of its largest one, as each range of a proof does. */
function piecesOf({ from, to }: Range, size: number): Piece[] {
  const pieces: Piece[] = []
  for (let at = from; at < to;) {
    const entries = powerWithin(to - at)
    const level = Math.floor(Math.log2(entries) / 8)
    const first = at / TILE_WIDTH ** level
    const position = Math.floor(first / TILE_WIDTH)
    const place = { level, position, width: tileWidth(level, position, size) }
    pieces.push({ ...place, offset: first % TILE_WIDTH, count: entries / TILE_WIDTH ** level })
    at += entries
  }
  return pieces
}

/** The largest power of two below `size`. */
const leftOf = (size: number): number => powerWithin(size - 1)
const half = (n: number): number => Math.floor(n / 2)
const isSize = (n: number): boolean => Number.isSafeInteger(n) && n >= 0
const isHash = (bytes: Uint8Array): boolean => bytes.length === HASH_BYTES
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
