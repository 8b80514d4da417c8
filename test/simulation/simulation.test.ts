import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { keptSeeds, runAll } from './seeds.ts'
import { simulate } from './simulate.ts'

/** The same in each run, so that a change is compared with itself, and nobody is held up by a world drawn by chance. */
const SAME = 2_000
/** And so many that nobody has seen, for whoever looks for more: what they find is kept, and mended. */
const NEW = Number(process.env['SIMULATION_SEEDS'] ?? 0)
const IN_A_BATCH = 250
/** What `npm test` can spend; a machine that is busy with everything else takes several times as long. */
const LONG_MS = 300_000

const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, at) => from + at)
const batches = (from: number, count: number): number[] => range(0, Math.ceil(count / IN_A_BATCH)).map((at) => from + at * IN_A_BATCH) // prettier-ignore

test('a world is the same world whenever its seed is the same', () => {
  const [once, again] = [simulate(7), simulate(7)]
  expect(again).toEqual(once)
  expect(simulate(8)).not.toEqual(once)
})

test(
  'what once went wrong goes well, and stays in the list of what is always tried',
  () => {
    expect(runAll(keptSeeds()).broken).toBe('')
  },
  LONG_MS,
)

test.each(batches(0, SAME))(
  'two to fifty platforms in 250 worlds of misfortune keep their promises, from seed %i on',
  (from) => {
    const { outcomes, broken } = runAll(range(from, IN_A_BATCH))
    expect(broken).toBe('')
    // A world in which nothing happens proves nothing.
    const sum = (key: keyof (typeof outcomes)[number]['counts']) =>
      outcomes.reduce((total, { counts }) => total + counts[key], 0)
    expect(sum('beats')).toBeGreaterThan(100_000)
    expect(sum('degraded')).toBeGreaterThan(200)
    expect(sum('rehandshaked')).toBeGreaterThan(200)
    expect(sum('held')).toBeGreaterThan(200)
    expect(sum('breakers')).toBeGreaterThan(3)
    expect(sum('anew')).toBeGreaterThan(500)
    expect(sum('asked')).toBeGreaterThan(30)
    expect(sum('approved')).toBeGreaterThan(5)
    expect(sum('certificates')).toBeGreaterThan(300)
    expect(sum('restored')).toBeGreaterThan(20)
    expect(Math.max(...outcomes.map(({ platforms }) => platforms))).toBeGreaterThan(20)
  },
  LONG_MS,
)

test.each(batches(randomInt(1_000_000, 2 ** 31), NEW))(
  'and in worlds that nobody has seen before, from seed %i on',
  (from) => {
    expect(runAll(range(from, IN_A_BATCH)).broken).toBe('')
  },
  LONG_MS,
)
