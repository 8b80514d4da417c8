import { createHash } from 'node:crypto'
import { TILE_WIDTH, type TileReader } from '../index.ts'

/** RFC 6962 §2.1 word by word, over all entries every time. Slow, and too short to be wrong in the same way as ours. */
const sha256 = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const ZERO = Uint8Array.of(0)
const ONE = Uint8Array.of(1)

export const naiveLeaf = (entry: Uint8Array): Uint8Array => sha256(ZERO, entry)

/** MTH over hashes of leaves. */
export function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [only] = leaves
  if (!only) return sha256()
  if (leaves.length === 1) return only
  const k = largestPowerBelow(leaves.length)
  return sha256(ONE, naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)))
}

/** PATH(m, D[n]), §2.1.1. */
export function naivePath(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return []
  const k = largestPowerBelow(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m < k ? [...naivePath(m, left), naiveRoot(right)] : [...naivePath(m - k, right), naiveRoot(left)]
}

/** PROOF(m, D[n]), §2.1.2. */
export const naiveProof = (m: number, leaves: readonly Uint8Array[]): Uint8Array[] => subproof(m, leaves, true)

function subproof(m: number, leaves: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [naiveRoot(leaves)]
  const k = largestPowerBelow(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return m <= k ? [...subproof(m, left, whole), naiveRoot(right)] : [...subproof(m - k, right, false), naiveRoot(left)]
}

/** Tiles made from all leaves each time they are asked for. */
export const naiveTiles =
  (leaves: readonly Uint8Array[]): TileReader =>
  (tiles) =>
    Promise.resolve(
      tiles.map(({ level, position, width }) => {
        const each = TILE_WIDTH ** level
        const hashAt = (i: number) => naiveRoot(leaves.slice(i * each, (i + 1) * each))
        return Buffer.concat(Array.from({ length: width }, (_, i) => hashAt(position * TILE_WIDTH + i)))
      }),
    )

function largestPowerBelow(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
