import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Odd, WireReader, WireWriter } from './wire.ts'

test('numbers are read as they were written, up to the largest that is exact', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 20 }), (numbers) => {
      const writer = new WireWriter(200)
      for (const number of numbers) writer.varint(number)
      const reader = new WireReader(writer.written())
      expect(numbers.map(() => reader.varint())).toEqual(numbers)
      expect(reader.hasMore).toBe(false)
    }),
  )
})

test.each([
  ['a number that is negative, or larger', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]],
  ['a number just above the largest', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10]],
  ['a number that is cut off', [0x80]],
])('%s is for the library', (_, bytes) => {
  expect(() => new WireReader(Buffer.from(bytes)).varint()).toThrow(Odd)
})

test('texts are UTF-8, and what is none is for the library', () => {
  const reader = new WireReader(Buffer.from([3, 0xe2, 0x82, 0xac, 2, 0x61, 0x62]))
  expect([reader.text(), reader.text()]).toEqual(['€', 'ab'])
  for (const bytes of [
    [1, 0xff],
    [2, 0xc3, 0x28],
    [5, 0x61],
  ])
    // prettier-ignore
    expect(() => new WireReader(Buffer.from(bytes)).text()).toThrow(Odd)
})
