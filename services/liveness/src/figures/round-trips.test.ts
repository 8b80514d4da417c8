import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addPacked, bucketOf, boundOf, noRoundTrips, pack, quantile } from './round-trips.ts'

const of = (...ms: number[]) => {
  const counts = noRoundTrips()
  for (const one of ms) counts[bucketOf(one)]! += 1
  return counts
}

test('a round trip is told to a fifth of itself, and never as shorter than it was', () => {
  fc.assert(
    fc.property(fc.double({ min: 1, max: 60_000, noNaN: true }), (ms) => {
      const bound = boundOf(bucketOf(ms))
      expect(bound).toBeGreaterThan(ms * 0.999)
      expect(bound).toBeLessThan(ms * 1.2)
    }),
  )
})

test('half of them were not longer than the median, and of a hundred all but one not than the 99th percentile', () => {
  const counts = of(...Array.from({ length: 98 }, () => 10), 500, 5_000)
  expect(quantile(counts, 0.5)).toBeCloseTo(11.3, 1)
  expect(quantile(counts, 0.99)).toBeGreaterThan(500)
  expect(quantile(counts, 0.99)).toBeLessThan(600)
  expect(quantile(counts, 1)).toBeGreaterThan(5_000)
  expect(quantile(noRoundTrips(), 0.5)).toBeUndefined()
})

test('what is packed and added is what it was, and what takes no measure at all is in the last bucket', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(200_000), { maxLength: 50 }),
      fc.array(fc.nat(200_000), { maxLength: 50 }),
      (some, others) => {
        const sum = noRoundTrips()
        addPacked(sum, pack(of(...some)))
        addPacked(sum, pack(of(...others)))
        expect(sum).toEqual(of(...some, ...others))
      },
    ),
  )
})
