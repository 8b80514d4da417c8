import { expect, test } from 'vitest'
import { backoffMs, jittered } from './backoff.ts'

test('a jittered time lies between half and all of it, and is not always the same', () => {
  const drawn = Array.from({ length: 200 }, () => jittered(1_000))
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(500)
  expect(Math.max(...drawn)).toBeLessThanOrEqual(1_000)
  expect(new Set(drawn).size).toBeGreaterThan(100)
})

test.each([
  [1, 50, 100],
  [2, 100, 200],
  [5, 800, 1_600],
  [50, 2_500, 5_000],
])('after %i failures the wait lies between %i and %i ms', (failures, least, most) => {
  const ms = backoffMs(failures, { firstMs: 100, mostMs: 5_000 })
  expect(ms).toBeGreaterThanOrEqual(least)
  expect(ms).toBeLessThanOrEqual(most)
})
