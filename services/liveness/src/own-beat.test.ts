import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_BOOKMARK } from './bookmark.ts'
import { unheard } from './freshness.ts'
import { hearBeat } from './heard-beat.ts'
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
    versionStatusThere: '',
    bookmark: NO_BOOKMARK,
    trustBundleSequence: 3n,
    nextBeatAt: at(78_000),
  })
  expect(answered).toMatchObject({
    consecutiveFailures: 0,
    lastError: '',
    lastHeardByThemAt: at(9_050),
    stateThere: 'enrolled',
    versionStatusThere: '',
    trustBundleSequence: 3n,
    nextBeatAt: at(78_000),
  })
  // The answer to the first was lost, but an echo of it would still prove it was heard.
  expect(sentAtOf(answered.sentNonces, first)).toEqual(START)
})

const beatThatEchoes = (echoNonce: Buffer, receivedAt: Date) => ({
  receivedAt,
  nonce: mintNonce(),
  echoNonce,
  epoch: 1n,
  incarnation: Buffer.alloc(16, 'b'),
  sequence: 1n,
  bookmark: null,
  describes: false,
  descriptionSha256: Buffer.alloc(0),
  trustBundleSequence: 1n,
})

test('an echo that is here before we give up the answer proves all the same that they heard that beat', () => {
  const nonce = mintNonce()
  const { after: echoed } = hearBeat(unheard('p', 300_000), beatThatEchoes(nonce, at(2_000)))
  expect(echoed.lastHeardByThemAt).toBeNull() // nobody has told us yet that we sent it
  const failure = { nonce, sentAt: START, failedAt: at(10_000), error: 'DEADLINE_EXCEEDED', nextBeatAt: at(10_050) }
  expect(noteFailure(echoed, failure)).toMatchObject({ lastHeardByThemAt: START, consecutiveFailures: 1 })
  expect(noteFailure(echoed, { ...failure, nonce: mintNonce() }).lastHeardByThemAt).toBeNull()
})

test('a clock that is set back leaves nothing fresh beyond the moment at which it was heard', () => {
  const before = noteFailure(unheard('p', 300_000), {
    nonce: Buffer.alloc(16, 1),
    sentAt: at(3_600_000),
    failedAt: at(3_600_000),
    error: '',
    nextBeatAt: at(3_660_000),
  })
  const { after } = hearBeat(before, beatThatEchoes(Buffer.alloc(16, 1), at(5_000)))
  expect(after).toMatchObject({ lastHeardAt: at(5_000), lastHeardByThemAt: at(5_000) })
  const answer = {
    theirReceivedAt: null,
    theirSentAt: null,
    stateThere: 'active',
    versionStatusThere: '',
    bookmark: NO_BOOKMARK,
    trustBundleSequence: 1n,
  }
  const sent = { nonce: mintNonce(), sentAt: at(3_600_000), answeredAt: at(10), nextBeatAt: at(60_000) }
  expect(noteAnswer(unheard('p', 300_000), { ...answer, ...sent }).lastHeardByThemAt).toEqual(at(10))
})
