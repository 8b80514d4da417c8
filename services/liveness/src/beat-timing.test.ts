import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chance, nextBeatAt, resumeBeatAt, retryBeatAt } from './beat-timing.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const interval = fc.integer({ min: 100, max: 3_600_000 })
const luck = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const until = (at: Date) => at.getTime() - NOW.getTime()

test('the next beat comes after the interval, a tenth more or less', () => {
  fc.assert(
    fc.property(interval, luck, (ms, chance) => {
      expect(until(nextBeatAt(NOW, ms, chance))).toBeGreaterThanOrEqual(Math.floor(ms * 0.9))
      expect(until(nextBeatAt(NOW, ms, chance))).toBeLessThanOrEqual(ms * 1.1)
    }),
  )
})

test('failures are retried within milliseconds at first, and never later than a beat', () => {
  fc.assert(
    fc.property(interval, fc.integer({ min: 1, max: 1_000 }), luck, (ms, failures, chance) => {
      expect(until(retryBeatAt(NOW, ms, failures, chance))).toBeLessThanOrEqual(ms * 1.1)
      expect(until(retryBeatAt(NOW, ms, failures, chance))).toBeGreaterThanOrEqual(45)
    }),
  )
  const waits = [1, 2, 3, 4, 5, 20].map((failures) => until(retryBeatAt(NOW, 60_000, failures, 0.5)))
  expect(waits).toEqual([50, 100, 200, 400, 800, 60_000])
})

test('after a start the plan is kept, and what is overdue or absurd is spread over a quarter of the interval', () => {
  const planned = new Date(NOW.getTime() + 40_000)
  expect(resumeBeatAt(NOW, planned, 60_000, 0.5)).toBe(planned)
  for (const bad of [null, new Date(NOW.getTime() - 1), new Date(NOW.getTime() + 600_000)]) {
    expect(until(resumeBeatAt(NOW, bad, 60_000, 0.5))).toBe(7_500)
  }
})

test('chance lies in [0, 1)', () => {
  for (let i = 0; i < 1_000; i++) {
    const drawn = chance()
    expect(drawn >= 0 && drawn < 1).toBe(true)
  }
})
