import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CONTRACT_TEXT } from './contract-text.ts'
import { agree, commonVersion, contractDigest } from './contract.ts'

const window = (min: number, max: number, ...features: string[]) => ({ min, max, features })

test.each([
  [window(1, 1), window(1, 1), 1],
  [window(1, 3), window(2, 5), 3],
  [window(2, 5), window(1, 3), 3],
  [window(1, 1), window(2, 2), undefined],
  [window(2, 2), window(1, 1), undefined],
  [window(3, 3), window(1, 9), 3],
  // Windows that are none never meet.
  [window(1, 1), window(0, 0), undefined],
  [window(1, 5), window(4, 2), undefined],
])('%o and %o agree on %s', (ours, theirs, version) => {
  expect(commonVersion(ours, theirs)?.version).toBe(version)
})

test('both sides agree on the same, and on nothing that one of them does not speak', () => {
  const features = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'))
  const windows = fc.record({ min: fc.integer({ min: 1, max: 6 }), max: fc.integer({ min: 1, max: 6 }), features })
  fc.assert(
    fc.property(windows, windows, (ours, theirs) => {
      const agreed = commonVersion(ours, theirs)
      expect(commonVersion(theirs, ours)).toEqual(agreed)
      if (!agreed) return
      for (const { min, max, features } of [ours, theirs]) {
        expect(agreed.version).toBeGreaterThanOrEqual(min)
        expect(agreed.version).toBeLessThanOrEqual(max)
        expect(features).toEqual(expect.arrayContaining([...agreed.features]))
      }
    }),
  )
})

test('windows that do not meet are both named, and who is behind', () => {
  expect(() => agree(window(1, 2), window(3, 3))).toThrow(
    'this platform speaks 1 to 2, the other 3; this platform has to',
  )
  expect(() => agree(window(3, 3), window(1, 2))).toThrow('the other platform has to be upgraded first')
})

test('the published text of version 1 has not changed by a letter', () => {
  expect(contractDigest(CONTRACT_TEXT)).toBe('c1a764bd14d0a56dd453573e2d41399494f05c4fb7bc1c2043c2d2f152fd3a32')
})
