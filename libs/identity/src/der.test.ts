import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isOneSequence } from './der.ts'

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))

test.each([0, 1, 127, 128, 255, 256, 65_535, 65_536])(
  'a sequence of %i bytes is one, with one byte more or less it is not',
  (length) => {
    const der = sequenceOf(length)
    expect(isOneSequence(der)).toBe(true)
    expect(isOneSequence(Buffer.concat([der, Buffer.of(0)]))).toBe(false)
    expect(isOneSequence(der.subarray(0, -1))).toBe(false)
  },
)

test.each([
  ['nothing', ''],
  ['a tag alone', '30'],
  ['another tag', '3100'],
  ['an indefinite length', '30800000'],
  ['a length in more bytes than it needs', '30820001aa'],
  ['a long length for a short one', '308101aa'],
  ['a length of five bytes', '308500000000010000000000'],
  ['a length that is cut off', '3082'],
])('%s is not', (_, hex) => {
  expect(isOneSequence(bytes(hex))).toBe(false)
})

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 8 }), (tail) => {
      expect(() => isOneSequence(Uint8Array.of(0x30, ...tail))).not.toThrow()
    }),
  )
})

function sequenceOf(length: number): Buffer {
  const hex = length.toString(16)
  const minimal = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const header =
    length < 0x80 ? Buffer.of(0x30, length) : Buffer.concat([Buffer.of(0x30, 0x80 | minimal.length), minimal])
  return Buffer.concat([header, Buffer.alloc(length)])
}
