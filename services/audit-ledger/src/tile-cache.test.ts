import { Tile, type TileReader } from '@powernode/tlog'
import { expect, test } from 'vitest'
import { TileCache } from './tile-cache.ts'

const tile = (position: number, width = 256) => ({ level: 0, position, width })

/** Gives tiles of one byte, repeated, and notes what it was asked for. */
function reader() {
  const asked: number[][] = []
  const read: TileReader = async (tiles) => {
    asked.push(tiles.map(({ position }) => position))
    return tiles.map(({ position, width }) => Buffer.alloc(width * 32, position))
  }
  return { asked, read }
}

test('a tile is read once, and stands where it was asked for, whatever else has to be read', async () => {
  const { asked, read } = reader()
  const held = new TileCache(1_000_000).before(read, 1)
  await held([tile(1), tile(2)])
  const tiles = await held([tile(2), tile(3), tile(1)])
  expect(tiles.map((found) => found instanceof Tile && found.hashes[0])).toEqual([2, 3, 1])
  expect(asked).toEqual([[1, 2], [3]])
})

test('a tile of another log, or of another width, is another tile', async () => {
  const { asked, read } = reader()
  const cache = new TileCache(1_000_000)
  await cache.before(read, 1)([tile(1)])
  await cache.before(read, 2)([tile(1)])
  expect(await cache.before(read, 1)([tile(1, 3)])).toMatchObject([{ hashes: { length: 96 } }])
  expect(asked).toHaveLength(3)
})

test('what was hashed over a tile stays with it', async () => {
  const held = new TileCache(1_000_000).before(reader().read, 1)
  const [[once], [again]] = [await held([tile(1)]), await held([tile(1)])]
  expect(once).toBeInstanceOf(Tile)
  expect(again).toBe(once)
})

test('there are never more bytes than allowed, and what was used last stays', async () => {
  const { asked, read } = reader()
  const cache = new TileCache(36_000)
  const held = cache.before(read, 1)
  for (const position of [1, 2, 3, 1, 4, 1]) {
    await held([tile(position)])
    expect(cache.bytes).toBeLessThanOrEqual(36_000)
  }
  expect(asked).toEqual([[1], [2], [3], [4]])
  await held([tile(2)])
  expect(asked).toHaveLength(5)
})
