import { appendFileSync, readFileSync } from 'node:fs'
import { simulate, type Outcome } from './simulate.ts'

/** Seeds under which something once went wrong: run first, whenever the simulation is run. */
const KEPT = new URL('kept-seeds.txt', import.meta.url)

export function keptSeeds(): readonly number[] {
  return readFileSync(KEPT, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '')
    .map(Number)
}

/** Runs these seeds; those under which a promise is broken are kept, and told with all that befell them. */
export function runAll(seeds: Iterable<number>): { readonly outcomes: readonly Outcome[]; readonly broken: string } {
  const outcomes = [...seeds].map((seed) => simulate(seed))
  const failed = outcomes.filter(({ violations }) => violations.length > 0)
  const kept = new Set(keptSeeds())
  for (const { seed, violations } of failed) {
    if (!kept.has(seed)) appendFileSync(KEPT, `${seed} # ${violations[0]}\n`)
  }
  return { outcomes, broken: failed.map(tell).join('\n') }
}

const tell = ({ seed, platforms, storms, violations }: Outcome): string =>
  [
    `seed ${seed}, ${platforms} platforms:`,
    ...storms.map(({ name, atMs, untilMs }) => `  ${name} from ${atMs / 1_000} s to ${untilMs / 1_000} s`),
    ...violations.map((violation) => `  ${violation}`),
  ].join('\n')
