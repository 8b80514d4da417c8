import { expect, test } from 'vitest'
import { rateLimit } from './rate-limits.ts'

test('so many per key and window, and then again when the window is over', () => {
  let nowMs = 0
  const limit = rateLimit(2, 1, () => nowMs)
  expect([limit.take('a'), limit.take('a')]).toEqual([undefined, undefined])
  nowMs = 400.5
  expect(limit.take('a')).toEqual({ retryAfterMs: 600 })
  expect(limit.take('b'), 'another key has its own').toBeUndefined()
  nowMs = 999
  expect(limit.take('a'), 'being refused prolongs nothing').toEqual({ retryAfterMs: 1 })
  nowMs = 1_000
  expect([limit.take('a'), limit.take('a')]).toEqual([undefined, undefined])
  expect(limit.take('a')).toEqual({ retryAfterMs: 1_000 })
})

test('tidying up forgets what is over, and nothing else', () => {
  let nowMs = 0
  const limit = rateLimit(1, 1, () => nowMs)
  limit.take('old')
  nowMs = 500
  limit.take('young')
  nowMs = 1_200
  expect(limit.take('old')).toBeUndefined()
  expect(limit.take('young')).toEqual({ retryAfterMs: 300 })
})
