import fc from 'fast-check'
import { expect, test } from 'vitest'
import { refusalOf } from '../errors/refusal-of.ts'
import { framed, FrameReader } from './frame.ts'

function readAll(bytes: Buffer, cuts: readonly number[]) {
  const [reader, messages] = [new FrameReader(1_000), [] as Buffer[]]
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [n, from] of at.entries()) reader.read(bytes.subarray(from, at[n + 1]), (one) => messages.push(one))
  return { messages, isBetween: reader.isBetween }
}

test('messages are read as they were framed, wherever the wire cuts them', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 1_000 }), { maxLength: 8 })
  fc.assert(
    fc.property(messages, fc.array(fc.nat(), { maxLength: 12 }), (said, cuts) => {
      const read = readAll(Buffer.concat(said.map(framed)), cuts)
      expect(read.messages.map((one) => [...one])).toEqual(said.map((one) => [...one]))
      expect(read.isBetween).toBe(true)
    }),
  )
})

test('a message that is cut off is not given, and known to be missing', () => {
  const { messages, isBetween } = readAll(framed(Buffer.from('whole')).subarray(0, 8), [])
  expect(messages).toEqual([])
  expect(isBetween).toBe(false)
})

test.each([
  ['packed', Buffer.from([1, 0, 0, 0, 1, 0]), 'REQUEST_INVALID'],
  ['longer than allowed, before it has come', Buffer.from([0, 0, 0, 4, 0]), 'MESSAGE_TOO_LARGE'],
])('a message that is %s is refused', (_, bytes, reason) => {
  try {
    readAll(bytes, [])
    expect.unreachable()
  } catch (error) {
    expect(refusalOf(error)?.reason).toBe(reason)
  }
})
