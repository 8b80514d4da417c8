import { expect, test } from 'vitest'
import { numberOf } from '../../services/liveness/src/bookmark.ts'
import type { Inputs } from '../../services/liveness/src/remediation/types.ts'
import { RULES, type Rules } from './rules.ts'
import { simulate } from './simulate.ts'

const MOST_SEEDS = 400
const decideBy =
  (bent: (inputs: Inputs) => Partial<Inputs>): Rules['decide'] =>
  (inputs) =>
    RULES.decide({ ...inputs, ...bent(inputs) })

/** Rules with one mistake in each, such as somebody might make; and what is said of a world that runs by them. */
const MISTAKES: Readonly<Record<string, { readonly rules: Partial<Rules>; readonly told: RegExp }>> = {
  'the breaker is not heeded': {
    rules: { decide: decideBy(() => ({ breakerOpen: false })) },
    told: /degraded while \d+ of \d+ are late/,
  },
  'the breaker never opens': {
    rules: { turn: (before) => ({ ...before, since: null, reason: '' }) },
    told: /degraded while \d+ of \d+ are late/,
  },
  'the breaker never closes': {
    rules: { turn: (before, ...said) => (before.since ? before : RULES.turn(before, ...said)) },
    told: /breaker holds/,
  },
  'the breaker opens when one is late': {
    rules: { turn: (before, counts, settings, now) => RULES.turn(before, counts, { ...settings, breakerLeast: 1, breakerShare: 0.01 }, now) }, // prettier-ignore
    told: /breaker opened over/,
  },
  'the budget is not heeded': {
    rules: { decide: decideBy(() => ({ budgetLeft: 1_000 })) },
    told: /were degraded within an hour/,
  },
  'nobody is probed before it is degraded': {
    rules: { decide: decideBy(({ probed }) => ({ probed: probed ?? 'unreachable' })) },
    told: /nobody had probed it/,
  },
  'who answers is degraded at once': {
    rules: { decide: decideBy(({ patience }) => ({ patienceUsed: patience })) },
    told: /degraded though it answers|degraded after/,
  },
  'who answers is given time for ever': {
    rules: { decide: decideBy(() => ({ patienceUsed: -1 })) },
    told: /given time \d+ times/,
  },
  'a loop that is paused acts': {
    rules: { decide: decideBy(() => ({ mode: 'acting' })) },
    told: /degraded by a loop that is (paused|observing)/,
  },
  'nobody is ever degraded': {
    rules: { decide: decideBy(({ peerState }) => ({ peerState: peerState === 'active' ? 'enrolled' : peerState })) },
    told: /still active/,
  },
  'a stall of our own counts as their silence': {
    rules: { listen: (before, { now }) => ({ after: { since: before?.since ?? now, reason: '', tickedAt: now }, anew: !before }) }, // prettier-ignore
    told: /as if it had listened|told to be silent after|degraded after/,
  },
  'listening begins anew with every tick': {
    rules: { listen: (_, { now }) => ({ after: { since: now, reason: 'always', tickedAt: now }, anew: true }) },
    told: /listens anew for no reason|not named/,
  },
  'silence is closed again before it is decided': {
    rules: { observe: (standing, ...said) => ({ ...RULES.observe([], ...said), seen: [], closed: standing.map((signal) => ({ signal, ending: 'recovered' })) }) }, // prettier-ignore
    told: /not decided/,
  },
  'late mail keeps a dead peer alive': {
    rules: { hearBeat: (before, beat) => RULES.hearBeat({ ...before, sequence: 0n, lastNonce: null, pastIncarnations: Buffer.alloc(0) }, beat) }, // prettier-ignore
    told: /late mail was/,
  },
  'who was restored from a backup is found by its epoch alone': {
    rules: { hearBeat: (before, beat) => RULES.hearBeat(before, { ...beat, bookmark: null }) },
    told: /restored from a backup, and is not found out/,
  },
  'a lost answer counts as one that was forgotten': {
    rules: { hearBeat: (before, beat) => RULES.hearBeat({ ...before, shownBookmark: before.givenBookmark }, beat) },
    told: /said to be restored from a backup, and never was/,
  },
  'who forgets itself accuses those that do not': {
    rules: { hearBeat: (before, beat) => ({ ...RULES.hearBeat(before, beat), ...(numberOf(beat.bookmark!) > numberOf(before.givenBookmark) && { outcome: 'restored' as const }) }) }, // prettier-ignore
    told: /said to be restored from a backup, and never was/,
  },
  'what they echo proves nothing': {
    rules: { hearBeat: (before, beat) => RULES.hearBeat(before, { ...beat, echoNonce: Buffer.alloc(0) }) },
    told: /told to be silent after|degraded after/,
  },
  'our beats are planned ever further apart': {
    rules: { retryBeatAt: (now, intervalMs, failures) => new Date(now.getTime() + intervalMs * 2 ** failures) },
    told: /at the end/,
  },
  'that beats pass both ways again is told to nobody': {
    rules: {
      announceHeard: (of, state, now) => ({ after: of.announced === 'heard' ? RULES.announceHeard(of, state, now).after : of, announcement: null }), // prettier-ignore
      reconcile: (of) => ({ after: of, announcement: null }),
    },
    told: /at the end/,
  },
  'old news is heeded after newer': {
    rules: { isOutdated: () => false },
    told: /degraded by old news/,
  },
  'who fell silent with the crowd is decided when the crowd has held the breaker for long': {
    rules: { decide: decideBy(({ breakerForMs }) => ({ breakerOpen: breakerForMs < 600_000 })) },
    told: /degraded while \d+ of \d+ are late/,
  },
  'who needs to be approved is not asked about': {
    rules: { decide: decideBy(() => ({ approval: 'given' })) },
    told: /nobody had approved it/,
  },
  'people are asked with every look': {
    rules: { decided: (...said) => ({ ...RULES.decided(...said), askedId: null }) },
    told: /people were asked \d+ times/,
  },
  'a no is taken for a yes': {
    rules: { decide: decideBy(({ approval }) => ({ approval: approval === 'asked' ? 'given' : approval })) },
    told: /nobody had approved it/,
  },
  'a peer is degraded for a certificate': {
    rules: { decide: (inputs) => ({ ...RULES.decide(inputs), ...(inputs.reason === 'cert_expired' && { action: 'degraded' }) }) as ReturnType<Rules['decide']> }, // prettier-ignore
    told: /for a certificate/,
  },
  'of certificates nobody is told': {
    rules: { observe: (standing, evidence, ...said) => RULES.observe(standing, { ...evidence, certificates: [] }, ...said) }, // prettier-ignore
    told: /of its certificates nothing is named/,
  },
  'a decision depends on more than the diary says': {
    rules: { decide: impatient() },
    told: /the diary tells of another decision/,
  },
}

/** Thinks of how often it was asked. */
function impatient(): Rules['decide'] {
  let asked = 0
  return (inputs) => RULES.decide({ ...inputs, looks: asked++ })
}

test.each(Object.entries(MISTAKES))('it is found out when %s', (_, { rules, told }) => {
  const broken = { ...RULES, ...rules }
  for (let seed = 0; seed < MOST_SEEDS; seed++) {
    const { violations } = simulate(seed, broken)
    const found = violations.find((violation) => told.test(violation))
    if (found) return expect(found).toMatch(told)
  }
  expect.unreachable(`${MOST_SEEDS} worlds went well all the same`)
}, 120_000) // prettier-ignore
