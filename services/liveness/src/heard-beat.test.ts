import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unheard, type Freshness } from './freshness.ts'
import { LARGEST_EPOCH, hearBeat, wantsDescription, type Beat } from './heard-beat.ts'
import { mintNonce, rememberNonce } from './own-nonces.ts'

const START = new Date('2026-05-01T12:00:00Z')
const at = (seconds: number) => new Date(START.getTime() + seconds * 1_000)
const incarnation = (name: string) => Buffer.alloc(16, name)
const beat = (said: Partial<Beat> = {}): Beat => ({
  receivedAt: START,
  nonce: mintNonce(),
  echoNonce: Buffer.alloc(0),
  epoch: 1n,
  incarnation: incarnation('a'),
  sequence: 1n,
  bookmark: null,
  describes: false,
  descriptionSha256: Buffer.alloc(0),
  trustBundleSequence: 1n,
  ...said,
})
const hearAll = (beats: readonly Beat[], from: Freshness = unheard('p', 300_000)) =>
  beats.reduce(
    ({ of, outcomes }, one) => {
      const { after, outcome } = hearBeat(of, one)
      return { of: after, outcomes: [...outcomes, outcome] }
    },
    { of: from, outcomes: [] as string[] },
  )

test('a beat that is heard again, however late and however often, refreshes nothing', () => {
  const life = fc.array(
    fc.record({ epoch: fc.integer({ min: 1, max: 4 }), sequence: fc.integer({ min: 1, max: 6 }) }),
    {
      minLength: 1,
      maxLength: 30,
    },
  )
  fc.assert(
    fc.property(life, fc.nat(), (said, pick) => {
      const beats = said.map(({ epoch, sequence }) =>
        beat({ epoch: BigInt(epoch), incarnation: incarnation(String(epoch)), sequence: BigInt(sequence) }),
      )
      const { of } = hearAll(beats)
      const repeated = beats[pick % beats.length]!
      const again = hearBeat(of, { ...repeated, receivedAt: at(3_600) })
      expect(again).toEqual({ after: of, outcome: 'replayed', describedAnew: false })
    }),
  )
})

test('within an incarnation only a growing sequence is heard', () => {
  const { of, outcomes } = hearAll([1n, 2n, 2n, 1n, 5n, 4n, 6n].map((sequence) => beat({ sequence })))
  expect(outcomes).toEqual(['heard', 'heard', 'replayed', 'replayed', 'heard', 'replayed', 'heard'])
  expect(of.sequence).toBe(6n)
})

test('the same nonce under a greater sequence is a replay all the same', () => {
  const first = beat()
  const { outcomes } = hearAll([first, { ...first, sequence: 2n }])
  expect(outcomes).toEqual(['heard', 'replayed'])
})

test('a restart with a greater epoch is nothing special, and late mail of the life before is no news', () => {
  const { of, outcomes } = hearAll([
    beat({ epoch: 4n, sequence: 70n }),
    beat({ epoch: 5n, incarnation: incarnation('b') }),
    beat({ epoch: 4n, sequence: 71n, receivedAt: at(5) }),
  ])
  expect(outcomes).toEqual(['heard', 'heard', 'replayed'])
  expect(of).toMatchObject({ epoch: 5n, rememberedEpoch: 5n, sequence: 1n, lastHeardAt: START, restoredAt: null })
})

test('a platform restored from a backup is noticed once, told past which epoch to go, and heard', () => {
  const { of, outcomes } = hearAll([
    beat({ epoch: 9n, sequence: 70n }),
    beat({ epoch: 7n, incarnation: incarnation('r'), receivedAt: at(60) }),
    beat({ epoch: 7n, incarnation: incarnation('r'), sequence: 2n, receivedAt: at(61) }),
  ])
  expect(outcomes).toEqual(['heard', 'restored', 'heard'])
  expect(of).toMatchObject({ epoch: 7n, rememberedEpoch: 9n, restoredAt: at(60), lastHeardAt: at(61) })
  expect(hearBeat(of, beat({ epoch: 10n, incarnation: incarnation('s') }))).toMatchObject({
    outcome: 'heard',
    after: { epoch: 10n, rememberedEpoch: 10n },
  })
})

test('a backup of the epoch before gives the same number to two lives: both are to be exceeded', () => {
  const { of, outcomes } = hearAll([beat({ epoch: 5n }), beat({ epoch: 5n, incarnation: incarnation('r') })])
  expect(outcomes).toEqual(['heard', 'restored'])
  expect(of.rememberedEpoch).toBe(6n)
})

test('no peer can drive a counter over its end', () => {
  const { of } = hearAll([
    beat({ epoch: 2n ** 63n - 1n }),
    beat({ epoch: 2n ** 63n - 1n, incarnation: incarnation('b') }),
    beat({ epoch: LARGEST_EPOCH, incarnation: incarnation('c') }),
  ])
  expect(of.rememberedEpoch).toBeLessThanOrEqual(LARGEST_EPOCH)
})

test('an echo of a nonce we sent proves that they heard us, as of when we sent it', () => {
  const ours = mintNonce()
  const before = { ...unheard('p', 300_000), sentNonces: rememberNonce(Buffer.alloc(0), ours, at(-20)) }
  expect(hearBeat(before, beat({ echoNonce: ours })).after.lastHeardByThemAt).toEqual(at(-20))
  expect(hearBeat(before, beat({ echoNonce: mintNonce() })).after.lastHeardByThemAt).toBeNull()
  const newer = { ...before, lastHeardByThemAt: at(-5) }
  expect(hearBeat(newer, beat({ echoNonce: ours })).after.lastHeardByThemAt).toEqual(at(-5))
})

test('a description is asked for when it is another, taken once, and no news when it stays', () => {
  const [old, anew] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
  let of = unheard('p', 300_000)
  const hear = (one: Beat) => {
    const heard = hearBeat(of, one)
    of = heard.after
    return `${heard.describedAnew ? 'news' : 'no news'}, ${wantsDescription(of, one) ? 'wanted' : 'not wanted'}`
  }
  expect([
    hear(beat({ descriptionSha256: old })),
    hear(beat({ sequence: 2n, descriptionSha256: old, describes: true })),
    hear(beat({ sequence: 3n, descriptionSha256: old })),
    hear(beat({ sequence: 4n, descriptionSha256: old, describes: true })),
    hear(beat({ sequence: 5n, descriptionSha256: anew })),
    hear(beat({ sequence: 6n, descriptionSha256: anew, describes: true })),
    hear(beat({ sequence: 7n })),
  ]).toEqual([
    'no news, wanted',
    'news, not wanted',
    'no news, not wanted',
    'no news, not wanted',
    'no news, wanted',
    'news, not wanted',
    'no news, not wanted',
  ])
})
