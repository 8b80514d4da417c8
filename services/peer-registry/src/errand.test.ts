import fc from 'fast-check'
import { expect, test } from 'vitest'
import { retryAt } from './errand.ts'

const NOW = new Date(0)

test('tries come half a second to a minute apart, ever later, whatever the number and the luck', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, luck) => {
      const ms = retryAt(NOW, attempts, luck).getTime()
      expect(ms).toBeGreaterThanOrEqual(500)
      expect(ms).toBeLessThanOrEqual(60_000)
      expect(retryAt(NOW, attempts + 1, luck).getTime()).toBeGreaterThanOrEqual(ms)
    }),
  )
})

test('a thousand peers do not come back in the same second', () => {
  expect(retryAt(NOW, 9, 0)).toEqual(new Date(30_000))
  expect(retryAt(NOW, 9, 0.999).getTime()).toBeGreaterThan(59_000)
})
