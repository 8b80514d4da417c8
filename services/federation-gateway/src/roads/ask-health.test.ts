import { expect, test } from 'vitest'
import { offsetOf } from './ask-health.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')

test.each([
  ['Sun, 22 Nov 2026 11:59:59 GMT', -500],
  ['Sun, 22 Nov 2026 13:00:00 GMT', 3_600_500],
  ['Tue, 01 Jan 275000 00:00:00 GMT', undefined],
  ['soon', undefined],
  [undefined, undefined],
])('of a server that says it is %s the clock differs by %s ms', (date, offset) => {
  expect(offsetOf(date, NOW)).toBe(offset)
})
