import { describe, expect, test } from 'vitest'
import { HASH_BYTES, inclusionProof, Tile } from './index.ts'
import { naiveLeaf, naivePath, naiveRoot } from './testing/naive-tree.ts'

const leavesOf = (count: number) => Array.from({ length: count }, (_, n) => naiveLeaf(Buffer.from(`entry ${n}`)))
const tileOf = (leaves: readonly Uint8Array[]) => new Tile(Buffer.concat(leaves))

describe('a tile', () => {
  test.each([256, 188, 5])('of %i hashes knows the root over each perfect subtree, first and again', (width) => {
    const leaves = leavesOf(width)
    const tile = tileOf(leaves)
    for (let count = 1; count <= 128; count *= 2)
      for (let offset = 0; offset + count <= width; offset += count)
        for (const _ of ['first', 'again'])
          expect(Buffer.from(tile.over(offset, count))).toEqual(naiveRoot(leaves.slice(offset, offset + count)))
  })

  test('that is kept is hashed once, and the next proof costs a few hashes', async () => {
    const leaves = leavesOf(256)
    const tile = tileOf(leaves)
    const prove = (index: number) => inclusionProof(async () => [tile], index, 256)
    await prove(7)
    const rest = tile.hashes.subarray(8 * HASH_BYTES)
    rest.fill(0) // whoever looked here once more would see it
    expect((await prove(3)).map((hash) => Buffer.from(hash))).toEqual(naivePath(3, leaves))
  })
})
