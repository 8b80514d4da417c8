import { expect, test } from 'vitest'
import { budget, CLOSED, turn, type Breaker } from './breaker.ts'
import { DEFAULTS } from './types.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const after = (counts: readonly (readonly [late: number, watched: number])[], from: Breaker = CLOSED) =>
  counts.reduce((breaker, [late, watched]) => turn(breaker, { late, watched }, DEFAULTS, NOW), from)
const isOpen = (...counts: (readonly [number, number])[]) => after(counts).since !== null

test('so many late at once is us: it opens in the very tick', () => {
  expect(isOpen([29, 100])).toBe(false)
  expect(isOpen([30, 100])).toBe(true)
  expect(after([[7_000, 10_000]]).reason).toBe('7000 of 10000 peers are late at once')
})

test('of a few peers a few may fail by themselves', () => {
  expect([isOpen([1, 1]), isOpen([2, 2]), isOpen([3, 3]), isOpen([3, 4]), isOpen([4, 4])]).toEqual([
    false,
    false,
    false,
    false,
    true,
  ])
})

test('it closes after three calm ticks in a row, and not between', () => {
  const open = [30, 100] as const
  const calm = [15, 100] as const
  const busy = [16, 100] as const
  expect(isOpen(open, calm, calm)).toBe(true)
  expect(isOpen(open, calm, calm, busy, calm, calm)).toBe(true)
  expect(isOpen(open, calm, calm, calm)).toBe(false)
})

test('the reason is that of the first moment', () => {
  expect(after([[30, 100], [80, 100]]).reason).toBe('30 of 100 peers are late at once') // prettier-ignore
})

test('a tenth of those watched may be degraded within an hour, twenty in any case, or what an operator says', () => {
  expect([budget(5, DEFAULTS), budget(1_000, DEFAULTS), budget(1_000, { ...DEFAULTS, budgetPerHour: 3 })]).toEqual([
    20, 100, 3,
  ])
})
