import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Edge, EMPTY_ROOT, leafHash, nodeHash, rootAt, TILE_WIDTH, tileWidth, type FullTile } from './index.ts'
import { naiveLeaf, naiveRoot, naiveTiles } from './testing/naive-tree.ts'
import { ENTRIES, NODES, ROOTS } from './testing/published.ts'

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => naiveLeaf(Buffer.from(`entry ${i}`)))
const edgeOf = (leaves: readonly Uint8Array[]) => {
  const edge = Edge.empty()
  for (const leaf of leaves) edge.append(leaf)
  return edge
}

describe('the tree that everybody compares with', () => {
  test.each(ROOTS.map((root, size) => ({ size, root })))('has the published root at size $size', ({ size, root }) => {
    expect(hex(edgeOf(ENTRIES.slice(0, size).map(leafHash)).root())).toBe(hex(root))
  })

  test('has the published hashes of leaves and of all whole subtrees', () => {
    expect(ENTRIES.map(leafHash).map(hex)).toEqual(NODES[0]?.map(hex))
    for (const [level, nodes] of NODES.slice(1).entries())
      for (const [i, node] of nodes.entries()) {
        const [left, right] = (NODES[level] ?? []).slice(2 * i, 2 * i + 2)
        expect(hex(nodeHash(left ?? EMPTY_ROOT, right ?? EMPTY_ROOT))).toBe(hex(node))
      }
  })

  test('has the published roots when they are read from tiles', async () => {
    for (const [size, root] of ROOTS.entries())
      expect(hex(await rootAt(naiveTiles(ENTRIES.slice(0, size).map(leafHash)), size))).toBe(hex(root))
  })
})

describe('an edge', () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 1_200 }))

  test('has at every size the root that the definition gives', () => {
    fc.assert(
      fc.property(size, (n) => hex(edgeOf(leavesOf(n)).root()) === hex(naiveRoot(leavesOf(n)))),
      { numRuns: 60 },
    )
  })

  test('built again from its unfinished tiles goes on to the same roots', () => {
    fc.assert(
      fc.property(size, fc.integer({ min: 0, max: 600 }), (n, more) => {
        const all = leavesOf(n + more)
        const before = edgeOf(all.slice(0, n))
        const again = Edge.from(n, before.partial())
        for (const edge of [before, again]) for (const leaf of all.slice(n)) edge.append(leaf)
        expect(hex(again.root())).toBe(hex(naiveRoot(all)))
        expect(again.partial().map((tile) => tile.map(hex))).toEqual(before.partial().map((tile) => tile.map(hex)))
      }),
      { numRuns: 40 },
    )
  })

  test('gives out each full tile once, and the tiles are those of the format', async () => {
    const leaves = leavesOf(TILE_WIDTH * 3 + 7)
    const edge = Edge.empty()
    const full: FullTile[] = []
    for (const leaf of leaves) {
      edge.append(leaf)
      full.push(...edge.takeFullTiles())
    }
    expect(full.map(({ level, position }) => `${level}/${position}`)).toEqual(['0/0', '0/1', '0/2'])
    for (const { level, position, hashes, root } of full) {
      const [tile] = await naiveTiles(leaves)([{ level, position, width: TILE_WIDTH }])
      expect(hex(hashes)).toBe(hex(tile))
      expect(hex(root)).toBe(hex(naiveRoot(leaves.slice(position * TILE_WIDTH, (position + 1) * TILE_WIDTH))))
    }
    expect(edge.partial().map((tile) => tile.length)).toEqual([7, 3])
  })

  test('fills a tile of the second level after 65,536 entries, and a third level begins', () => {
    const leaf = leafHash(Buffer.from('the same'))
    const edge = Edge.empty()
    for (let i = 0; i < TILE_WIDTH ** 2 - 1; i++) edge.append(leaf)
    edge.takeFullTiles()
    edge.append(leaf)
    const names = edge.takeFullTiles().map(({ level, position }) => `${level}/${position}`)
    expect(names).toEqual(['0/255', '1/0'])
    expect(edge.partial().map((tile) => tile.length)).toEqual([0, 0, 1])
  })

  test('copied goes its own way', () => {
    const edge = edgeOf(leavesOf(300))
    const copy = edge.copy()
    copy.append(naiveLeaf(Buffer.from('only here')))
    expect([edge.size, copy.size]).toEqual([300, 301])
    expect(hex(edge.root())).toBe(hex(naiveRoot(leavesOf(300))))
    expect(copy.takeFullTiles()).toEqual(edge.takeFullTiles())
    expect(edge.partial().map((tile) => tile.map(hex))).toEqual(
      edgeOf(leavesOf(300))
        .partial()
        .map((tile) => tile.map(hex)),
    )
    expect(copy.partial().map((tile) => tile.length)).toEqual([45, 1])
  })

  test('is not built from other hashes than its size has, nor grown by something that is no hash', () => {
    expect(() => Edge.from(3, [leavesOf(2)])).toThrow(RangeError)
    expect(() => Edge.from(256, [[], []])).toThrow(RangeError)
    expect(() => Edge.from(1, [leavesOf(1), leavesOf(1)])).toThrow(RangeError)
    expect(() => Edge.empty().append(new Uint8Array(31))).toThrow(RangeError)
  })
})

test('an entry longer than any bundle holds is hashed all the same', () => {
  const entry = Buffer.alloc(70_000, 7)
  expect(hex(leafHash(entry))).toBe(hex(naiveLeaf(entry)))
})

test('tiles are as wide as the format says: 70,000 entries', () => {
  const widths = [0, 1, 2].map((level) => tileWidth(level, Math.floor(70_000 / TILE_WIDTH ** (level + 1)), 70_000))
  expect(widths).toEqual([112, 17, 1])
  expect([tileWidth(0, 272, 70_000), tileWidth(0, 274, 70_000)]).toEqual([256, 0])
})
