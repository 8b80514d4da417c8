import fc from 'fast-check'
import { expect, test } from 'vitest'
import { STEPS, World, type Broken, type Step } from './testing/simulation.ts'

/** Steps that get on are more likely than those that undo: else nothing is ever enforced, nor acknowledged. */
const OFTEN: Partial<Record<Step['what'], number>> = {
  crash: 1,
  kill: 1,
  sleep: 1,
  reconnect: 1,
  observe: 2,
  commit: 3,
}
const step = fc.record({
  what: fc.oneof(...STEPS.map((what) => ({ weight: OFTEN[what] ?? 6, arbitrary: fc.constant(what) }))),
  who: fc.nat(5),
  ms: fc.integer({ min: 0, max: 150 }),
})
/** What goes well: everything between an ask and the word that it is in force, for one reader. */
const round = fc.tuple(fc.nat(5), fc.integer({ min: 0, max: 60 })).map(([who, ms]): Step[] =>
  (['beat', 'beaten', 'ask', 'hear', 'begin', 'snapshot', 'answer', 'deliver', 'pass', 'deliver', 'ask', 'hear', 'readHead', 'collect', 'publish'] as const)
    .map((what) => ({ what, who, ms }))) // prettier-ignore
const story = fc
  .array(fc.oneof({ weight: 3, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: round }), {
    minLength: 20,
    maxLength: 150,
    size: 'max',
  })
  .map((parts) => parts.flat())

/** What went wrong first, if anything did. */
function tell(steps: readonly Step[], broken?: Broken): { violation: string | undefined; acknowledged: number } {
  const world = new World(broken)
  for (const one of steps) {
    world.take(one)
    const violation = world.violation()
    if (violation) return { violation, acknowledged: world.acknowledged }
  }
  return { violation: undefined, acknowledged: world.acknowledged }
}

test('in whatever order things happen, nobody acts on what has been enforced away', () => {
  let acknowledged = 0
  fc.assert(
    fc.property(story, (steps) => {
      const told = tell(steps)
      acknowledged += told.acknowledged
      expect(told.violation).toBeUndefined()
    }),
    { numRuns: 5_000 },
  )
  expect(acknowledged, 'barriers that returned before a lease was over').toBeGreaterThan(500)
})

test.each<Broken>([
  'a hold is taken after the read',
  'readers are collected before the head is read',
  'a lease counts from the tick',
  'who has left is forgotten',
  'a tick needs no beat',
  'what was sent counts as acknowledged',
])('were it that %s, somebody would', (broken) => {
  const found = fc.check(
    fc.property(story, (steps) => tell(steps, broken).violation === undefined),
    { numRuns: 30_000, endOnFailure: true, seed: 7 },
  )
  expect(found.failed).toBe(true)
})
