import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unheard } from './freshness.ts'
import { clockReading, noteAnswer, noteFailure } from './own-beat.ts'
import { mintNonce, sentAtOf } from './own-nonces.ts'

const START = new Date('2026-05-01T12:00:00Z')
const at = (ms: number) => new Date(START.getTime() + ms)

test('the clock offset is never wrong by more than half the round trip, whichever way was slow', () => {
  const wait = fc.nat(5_000)
  fc.assert(
    fc.property(fc.integer({ min: -1e9, max: 1e9 }), wait, wait, wait, (offset, there, work, back) => {
      const reading = clockReading({
        sentAt: START,
        theirReceivedAt: at(there + offset),
        theirSentAt: at(there + work + offset),
        answeredAt: at(there + work + back),
      })
      expect(reading.roundTripMs).toBe(there + back)
      expect(Math.abs(reading.clockOffsetMs! - offset)).toBeLessThanOrEqual((there + back) / 2 + 0.5)
    }),
  )
})

test('a peer that claims the year 9999 leaves a number that fits, and one that claims nothing leaves none', () => {
  const ours = { sentAt: START, answeredAt: at(10) }
  const far = new Date('9999-12-31')
  expect(clockReading({ ...ours, theirReceivedAt: far, theirSentAt: far }).clockOffsetMs).toBe(86_400_000_000)
  expect(clockReading({ ...ours, theirReceivedAt: far, theirSentAt: START }).roundTripMs).toBe(10)
  expect(clockReading({ ...ours, theirReceivedAt: null, theirSentAt: START })).toEqual({
    clockOffsetMs: null,
    roundTripMs: null,
  })
})

test('an answer proves that they heard what we sent, as of when we sent it; a failure proves nothing but is kept', () => {
  const [first, second] = [mintNonce(), mintNonce()]
  const failed = noteFailure(unheard('p', 300_000), {
    nonce: first,
    sentAt: START,
    failedAt: at(9_000),
    error: `PEER_UNREACHABLE: ${'x'.repeat(1_000)}`,
    nextBeatAt: at(9_050),
  })
  expect(failed).toMatchObject({ consecutiveFailures: 1, lastErrorAt: at(9_000), lastHeardByThemAt: null })
  expect(failed.lastError).toHaveLength(300)

  const answered = noteAnswer(failed, {
    nonce: second,
    sentAt: at(9_050),
    answeredAt: at(18_000),
    theirReceivedAt: null,
    theirSentAt: null,
    stateThere: 'enrolled',
    trustBundleSequence: 3n,
    nextBeatAt: at(78_000),
  })
  expect(answered).toMatchObject({
    consecutiveFailures: 0,
    lastError: '',
    lastHeardByThemAt: at(9_050),
    stateThere: 'enrolled',
    trustBundleSequence: 3n,
    nextBeatAt: at(78_000),
  })
  // The answer to the first was lost, but an echo of it would still prove it was heard.
  expect(sentAtOf(answered.sentNonces, first)).toEqual(START)
})
