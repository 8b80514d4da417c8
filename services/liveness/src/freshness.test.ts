import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hearing, later, staleAt, unheard, withPatience, type Freshness } from './freshness.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const STALE_AFTER_MS = 300_000
const ago = (ms: number) => new Date(NOW.getTime() - ms)
const known = (heard: Date | null, heardByThem: Date | null): Freshness => ({
  ...unheard('p', STALE_AFTER_MS),
  lastHeardAt: heard,
  lastHeardByThemAt: heardByThem,
})

test('which way beats go is read from the two moments and nothing else', () => {
  const fresh = ago(1_000)
  const stale = ago(STALE_AFTER_MS)
  const table = [null, stale, fresh].flatMap((heard) =>
    [null, stale, fresh].map((byThem) => {
      const name = (at: Date | null) => (at === null ? 'never' : at === fresh ? 'fresh' : 'stale')
      return `we ${name(heard)}, they ${name(byThem)}: ${hearing(known(heard, byThem), NOW)}`
    }),
  )
  expect(table).toEqual([
    'we never, they never: never',
    'we never, they stale: neither',
    'we never, they fresh: they_hear_us',
    'we stale, they never: neither',
    'we stale, they stale: neither',
    'we stale, they fresh: they_hear_us',
    'we fresh, they never: we_hear_them',
    'we fresh, they stale: we_hear_them',
    'we fresh, they fresh: both',
  ])
})

test('beats go both ways exactly until the first direction is stale', () => {
  fc.assert(
    fc.property(fc.nat(400_000), fc.nat(400_000), fc.integer({ min: 1, max: 400_000 }), (a, b, patience) => {
      const of = { ...known(ago(a), ago(b)), staleAfterMs: patience }
      const end = staleAt(of)!
      expect(hearing(of, new Date(end.getTime() - 1))).toBe('both')
      expect(hearing(of, end)).not.toBe('both')
      expect(hearing(of, NOW) === 'both').toBe(NOW < end)
    }),
  )
})

test('a longer patience moves the deadline that stands, and makes none where there is none', () => {
  const of: Freshness = { ...known(ago(1_000), ago(2_000)), announced: 'heard', silentAt: ago(-298_000) }
  expect(withPatience(of, 10_000).silentAt).toEqual(ago(-8_000))
  expect(withPatience({ ...of, announced: 'silent', silentAt: null }, 10_000).silentAt).toBeNull()
  expect(withPatience(of, STALE_AFTER_MS)).toBe(of)
})

test('the later of two moments is the later, whichever is missing', () => {
  expect(later(null, null)).toBeNull()
  expect(later(NOW, null)).toBe(NOW)
  expect(later(null, NOW)).toBe(NOW)
  expect(later(ago(1), NOW)).toBe(NOW)
  expect(later(NOW, ago(1))).toBe(NOW)
})
