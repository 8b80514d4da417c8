import { expect, test } from 'vitest'
import { explain, isBecauseOf } from './explain.ts'

class Wanted extends Error {}

test('an error is told with what led to it, each word once', () => {
  const cause = new Error('it is full', { cause: new Error('full') })
  expect(explain(new Error('cannot write', { cause }))).toBe('cannot write: it is full')
  expect(explain(new AggregateError([new Error('one'), new Error('other')]))).toBe('one; other')
})

test('a kind of error is found behind others, and among several', () => {
  const wanted = new Error('outer', { cause: new AggregateError([new Error('x'), new Wanted('y')]) })
  expect(isBecauseOf(wanted, Wanted)).toBe(true)
  expect(isBecauseOf(new Error('outer', { cause: new Error('y') }), Wanted)).toBe(false)
  expect(isBecauseOf('Wanted', Wanted)).toBe(false)
})
