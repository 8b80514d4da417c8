import fc from 'fast-check'
import { framed } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { Body } from './body.ts'

const MOST = 100

/** What came of a message that arrives in such pieces. */
function arriving(bytes: Buffer, ...cuts: number[]) {
  const body = new Body(MOST)
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  const objections = at.slice(1).map((end, index) => body.add(bytes.subarray(at[index], end)))
  return { message: body.message, objection: objections.find(Boolean) }
}

test('a message is the same in however many pieces it comes', () => {
  const pieces = fc.array(fc.nat(MOST + 5), { maxLength: 8 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: MOST }), pieces, (message, cuts) => {
      const come = arriving(framed(message), ...cuts)
      expect(come.objection).toBeUndefined()
      expect(come.message).toEqual(Buffer.from(message))
    }),
  )
})

test('of a message that is too long not even the first word is waited for', () => {
  const said = framed(Buffer.alloc(MOST + 1)).subarray(0, 5)
  expect(arriving(said, 2).objection).toMatchObject({ reason: 'MESSAGE_TOO_LARGE' })
})

test('what comes after the message is objected to', () => {
  const two = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two'))])
  expect(arriving(two).objection).toMatchObject({ reason: 'REQUEST_INVALID' })
  expect(arriving(two, 8).objection).toMatchObject({ reason: 'REQUEST_INVALID' })
})

test('half a message is none', () => {
  expect(arriving(framed(Buffer.from('one')).subarray(0, 7)).message).toBeUndefined()
  expect(arriving(Buffer.alloc(0)).message).toBeUndefined()
})
