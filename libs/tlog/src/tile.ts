import { HASH_BYTES, nodeHash, TILE_WIDTH } from './merkle.ts'

/** Remembered are the roots over so many hashes and more: those below cost four hashes more a proof, and three times the memory. */
const LEAST = 8
/** Places of a heap in which over node n stands node n / 2, as far down as is remembered. */
const PLACES = (2 * TILE_WIDTH) / LEAST

/**
 * The hashes of a tile, complete or partial, and what was hashed over them so far.
 *
 * A proof needs eight roots from a tile, and to make them of 256 hashes takes 247 more. Whoever keeps tiles, and keeps them like
 * this, hashes each once.
 */
export class Tile {
  /** What lies beside the hashes. */
  static readonly REMEMBERED_BYTES = PLACES * (HASH_BYTES + 1)

  readonly hashes: Uint8Array
  readonly #roots = new Uint8Array(PLACES * HASH_BYTES)
  readonly #isKnown = new Uint8Array(PLACES)

  /** MUST not be written to from here on. */
  constructor(hashes: Uint8Array) {
    this.hashes = hashes
  }

  /** The root over `count` hashes, a power of two, that begin at a multiple of it: MUST be in the tile. */
  over(offset: number, count: number): Uint8Array {
    if (count === 1) return at(this.hashes, offset)
    const place = (TILE_WIDTH + offset) / count
    if (count >= LEAST && this.#isKnown[place] === 1) return at(this.#roots, place)
    const half = count / 2
    const root = nodeHash(this.over(offset, half), this.over(offset + half, half))
    if (count >= LEAST) {
      this.#roots.set(root, place * HASH_BYTES)
      this.#isKnown[place] = 1
    }
    return root
  }
}

const at = (hashes: Uint8Array, n: number): Uint8Array => hashes.subarray(n * HASH_BYTES, (n + 1) * HASH_BYTES)
