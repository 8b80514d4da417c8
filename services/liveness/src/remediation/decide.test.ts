import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide } from './decide.ts'
import { fromWords, toWords } from './inputs.ts'
import { isVerdict, MODES, PROBED, REASONS, VERBS, type Inputs } from './types.ts'

const MIN = 60_000
/** An active peer that has been silent both ways for five minutes, seen twice, in a loop that acts. */
const inputs = (said: Partial<Inputs> = {}): Inputs => ({
  reason: 'heartbeat_stale',
  peerState: 'active',
  mode: 'acting',
  verb: 'notify_and_proceed',
  halted: false,
  breakerOpen: false,
  breakerForMs: 0,
  late: 1,
  watched: 10,
  budgetLeft: 20,
  hearing: 'neither',
  silentForMs: 5 * MIN,
  staleAfterMs: 5 * MIN,
  tickMs: 10_000,
  seen: 2,
  patience: 1,
  patienceUsed: 0,
  looks: 0,
  awayForMs: 10_000,
  recoveries: 0,
  probed: null,
  approval: 'none',
  asked: false,
  ...said,
})
const unreachable = (said: Partial<Inputs> = {}) => inputs({ probed: 'unreachable', ...said })
const reachable = (said: Partial<Inputs> = {}) => inputs({ probed: 'reachable', ...said })
const anyInputs = fc.record<Inputs>({
  reason: fc.constantFrom(...REASONS),
  peerState: fc.constantFrom('accepted', 'enrolled', 'active', 'degraded', 'suspended'),
  mode: fc.constantFrom(...MODES),
  verb: fc.constantFrom(...VERBS),
  halted: fc.boolean(),
  breakerOpen: fc.boolean(),
  breakerForMs: fc.constantFrom(0, 20 * MIN, 60 * MIN, 90 * MIN),
  late: fc.nat(100),
  watched: fc.nat(100),
  budgetLeft: fc.integer({ min: -1, max: 3 }),
  hearing: fc.constantFrom('both', 'we_hear_them', 'they_hear_us', 'neither', 'never'),
  silentForMs: fc.constantFrom(0, 4 * MIN, 5 * MIN, 6 * MIN),
  staleAfterMs: fc.constant(5 * MIN),
  tickMs: fc.constant(10_000),
  seen: fc.integer({ min: 1, max: 3 }),
  patience: fc.nat(3),
  patienceUsed: fc.nat(4),
  looks: fc.nat(20),
  awayForMs: fc.constantFrom(0, 59 * MIN, 60 * MIN, 1_439 * MIN, 1_440 * MIN, 9_999 * MIN),
  recoveries: fc.nat(5),
  probed: fc.constantFrom(null, ...PROBED),
  approval: fc.constantFrom('none', 'asked', 'given'),
  asked: fc.boolean(),
})

test('nobody is acted on before a probe', () => {
  expect(decide(inputs())).toMatchObject({ action: 'probe' })
})

test.each([
  ['an active peer that does not answer is degraded', unreachable(), 'degraded'],
  [
    'one that was asked to be left alone by its state is only told of',
    unreachable({ peerState: 'enrolled' }),
    'alerted',
  ],
  ['a peer that answers is given time', reachable(), 'rehandshaked'],
  ['and when it is still not heard, its time is over', reachable({ patienceUsed: 1 }), 'degraded'],
  ['without patience it is over at once', reachable({ patience: 0 }), 'degraded'],
  ['a degraded peer that answers is greeted', reachable({ peerState: 'degraded' }), 'rehandshaked'],
  ['a degraded peer that does not is told of', unreachable({ peerState: 'degraded' }), 'alerted'],
  ['what was seen once may be gone', unreachable({ seen: 1 }), 'wait'],
  ['what is not silent for long enough is not silent', unreachable({ silentForMs: 5 * MIN - 1 }), 'wait'],
  ['under require_approval somebody is asked', unreachable({ verb: 'require_approval' }), 'awaiting_approval'],
  ['and when he has said yes it is done', unreachable({ verb: 'require_approval', approval: 'given' }), 'degraded'],
  ['a certificate is told of', inputs({ reason: 'cert_expiring' }), 'alerted'],
  ['a clock is not remedied', inputs({ reason: 'clock_skew' }), 'wait'],
] as const)('%s', (_, given, action) => {
  expect(decide(given).action).toBe(action)
})

test.each([
  ['a paused loop', unreachable({ mode: 'paused' }), 'paused'],
  ['one that was halted', unreachable({ halted: true }), 'halted'],
  ['a policy that blocks', unreachable({ verb: 'blocked' }), 'blocked'],
  ['the breaker', unreachable({ breakerOpen: true }), 'breaker'],
  ['a spent budget', unreachable({ budgetLeft: 0 }), 'budget'],
  ['a gateway that cannot probe', inputs({ probed: 'impossible' }), 'cannot_probe'],
  ['an observing loop', unreachable({ mode: 'observing' }), 'observing'],
] as const)('%s holds, and says so', (_, given, whyHeld) => {
  expect(decide(given)).toMatchObject({ action: 'held', whyHeld })
})

test('an observing loop says what it would have done', () => {
  expect(decide(unreachable({ mode: 'observing' }))).toMatchObject({ wouldHave: 'degraded' })
})

test('a peer that stays away is looked at ever less often, and named ever louder', () => {
  const away = (looks: number, minutes: number) => {
    const decision = decide(unreachable({ peerState: 'degraded', looks, awayForMs: minutes * MIN }))
    return isVerdict(decision) ? [decision.waitMs / MIN, decision.escalation, decision.severity] : []
  }
  expect([away(0, 1), away(2, 3), away(3, 7), away(4, 15), away(5, 31), away(7, 120), away(30, 1_440)]).toEqual([
    [2, 0, 'medium'],
    [4, 0, 'medium'],
    [8, 0, 'medium'],
    [16, 0, 'medium'],
    [29, 0, 'medium'],
    [60, 1, 'high'],
    [60, 2, 'critical'],
  ])
})

test('an active peer that was to be degraded and is not, because nobody hears the news, is decided ever less often', () => {
  const of = (looks: number) => decide(unreachable({ looks })) as { waitMs: number; looks: number }
  expect([of(0), of(1), of(2), of(9)].map(({ waitMs, looks }) => [waitMs / MIN, looks])).toEqual([[1, 1], [2, 2], [4, 3], [60, 10]].map(([wait, looks]) => [Math.min(wait!, (60 * MIN - 10_000) / MIN), looks])) // prettier-ignore
  // And what its state is then begins where it began before.
  expect(decide(unreachable({ peerState: 'degraded', looks: 1 }))).toMatchObject({ waitMs: 2 * MIN, looks: 2 })
})

const CROWD = { breakerOpen: true, breakerForMs: 90 * MIN, late: 30, watched: 100, probed: 'unreachable' } as const
test.each([
  ['who fell silent long after the breaker opened is decided', {}, 'degraded'],
  ['but not before it has held for an hour', { breakerForMs: 59 * MIN }, 'held'],
  ['nor who fell silent with the crowd', { silentForMs: 81 * MIN }, 'held'],
  ['also when its silence counts anew', { awayForMs: 81 * MIN }, 'held'],
  ['nor while half of all are late: then it is us', { late: 50 }, 'held'],
  ['and the budget holds for it too', { budgetLeft: 0 }, 'held'],
] as const)('behind a crowd that holds the breaker open for ever: %s', (_, said, action) => {
  expect(decide(inputs({ ...CROWD, ...said })).action).toBe(action)
})

test('who comes back again and again is given twice the time', () => {
  const of = (recoveries: number) => decide(reachable({ recoveries })).waitMs
  expect([of(2), of(3)]).toEqual([5 * MIN, 10 * MIN])
})

test('whatever is told, a decision is total, explains itself, and is the same when the diary is read', () => {
  fc.assert(
    fc.property(anyInputs, (given) => {
      const decision = decide(given)
      expect(decide(fromWords(toWords(given)))).toEqual(decision)
      if (!isVerdict(decision)) return
      expect(decision.detail).not.toBe('')
      expect(decision.whyHeld !== '').toBe(decision.action === 'held')
      expect(decision.waitMs).toBeGreaterThanOrEqual(0)
      expect(decision.waitMs).toBeLessThanOrEqual(2 * 3_600_000)
    }),
    { numRuns: 3_000 },
  )
})

test('nobody is degraded without silence, without a probe, or against what holds', () => {
  fc.assert(
    fc.property(anyInputs, (given) => {
      if (decide(given).action !== 'degraded') return
      expect(given).toMatchObject({ peerState: 'active' })
      expect(given.mode).not.toBe('paused')
      expect(given.verb).not.toBe('blocked')
      expect(['reachable', 'unreachable']).toContain(given.probed)
      expect(given.silentForMs).toBeGreaterThanOrEqual(given.staleAfterMs)
      if (given.verb === 'require_approval') expect(given.approval).toBe('given')
      if (given.asked) return
      expect(given).toMatchObject({ mode: 'acting', halted: false })
      if (given.breakerOpen) {
        expect(given.breakerForMs).toBeGreaterThanOrEqual(60 * MIN)
        expect(2 * given.late).toBeLessThan(given.watched)
      }
      expect(given.budgetLeft).toBeGreaterThan(0)
      expect(given.seen).toBeGreaterThanOrEqual(2)
      if (given.probed === 'reachable') expect(given.patienceUsed).toBeGreaterThanOrEqual(given.patience)
    }),
    { numRuns: 5_000 },
  )
})

test('of a peer that is well, whoever asked for it is told that nothing is wrong, and no patience is used', () => {
  const well = reachable({ asked: true, hearing: 'both', silentForMs: 0 })
  expect(decide(well)).toMatchObject({ action: 'rehandshaked', patienceUsed: 0, detail: expect.stringMatching(/nothing is wrong with it$/) }) // prettier-ignore
  expect(decide({ ...well, hearing: 'we_hear_them', silentForMs: 5 * MIN })).toMatchObject({ patienceUsed: 1 })
})
