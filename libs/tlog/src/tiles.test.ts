import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBundle, encodeBundle, entriesPath, ENTRY_BYTES, parseTilePath, tilePath } from './index.ts'

describe('paths', () => {
  test('are those of C2SP tlog-tiles', () => {
    expect(tilePath(0, 0)).toBe('tile/0/000')
    expect(tilePath(1, 1_234_067)).toBe('tile/1/x001/x234/067')
    expect(tilePath(2, 5, 17)).toBe('tile/2/005.p/17')
    expect(entriesPath(1_000)).toBe('tile/entries/x001/000')
    expect(entriesPath(999, 1)).toBe('tile/entries/999.p/1')
  })

  test('read back as what they were written for', () => {
    const place = fc.record({
      level: fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant('entries' as const)),
      position: fc.nat({ max: 2 ** 45 }),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(place, ({ level, position, width }) => {
        const path = level === 'entries' ? entriesPath(position, width) : tilePath(level, position, width)
        expect(parseTilePath(path)).toEqual({ level, position, width })
      }),
    )
  })

  test.each([
    'checkpoint',
    'tile/0/0',
    'tile/0/0000',
    'tile/00/000',
    'tile/64/000',
    'tile/0/x000/000',
    'tile/0/x001/x000',
    'tile/0/001/000',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/257',
    'tile/0/000.p/',
    'tile/data/000',
    '/tile/0/000',
    'tile/0/../000',
    'tile/0/000\n',
  ])('that are none are not read: %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })
})

describe('a bundle', () => {
  test('gives back the entries that were put in', () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 256 })
    fc.assert(
      fc.property(entries, (some) => {
        expect(decodeBundle(encodeBundle(some)).map((entry) => Uint8Array.from(entry))).toEqual(some)
      }),
      { numRuns: 50 },
    )
  })

  test('holds an entry of 65,535 bytes, and none of 65,536', () => {
    expect(decodeBundle(encodeBundle([Buffer.alloc(ENTRY_BYTES, 1)]))[0]).toHaveLength(65_535)
    expect(() => encodeBundle([Buffer.alloc(ENTRY_BYTES + 1)])).toThrow(RangeError)
  })

  test('that ends within an entry is none', () => {
    const bundle = encodeBundle([Buffer.from('one'), Buffer.from('two')])
    for (let length = 1; length < bundle.length; length++)
      if (length !== 5) expect(() => decodeBundle(bundle.subarray(0, length))).toThrow(RangeError)
  })
})
