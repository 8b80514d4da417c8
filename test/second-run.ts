import type { TestModule, Vitest } from 'vitest/node'
import { failuresOf } from './failures.ts'

/** More files than these have not merely met a machine that was busy. */
const MOST_FILES = 5

/**
 * Runs once more, when everything else is over, the files in which something failed, if they are few. What then holds is the
 * second result. A machine that other work keeps busy makes one wait of some thousands too short, and whoever lands a change
 * shall not have to guess whether it was that.
 *
 * Whatever failed the first time MUST be shown, also where the second run is green: it is a defect, of the test or of what it
 * tests, that shows itself seldom. Returns it, a text for each, its first line marked with ↻. An error outside every test
 * belongs to no file, and nothing is tried again then.
 */
export async function runAgain(vitest: Vitest, modules: readonly TestModule[]): Promise<readonly string[]> {
  const bad = modules.filter((module) => !module.ok())
  if (bad.length === 0 || bad.length > MOST_FILES || vitest.state.getUnhandledErrors().length > 0) return []
  const first = bad.flatMap((module) => failuresOf([module]))
  process.stdout.write(`\nonce more, by themselves: ${bad.map((module) => module.relativeModuleId).join(', ')}\n`)
  await vitest.rerunTestSpecifications(bad.map((module) => module.toTestSpecification()))
  return first.map((text) => text.replace(/^✗ /, '↻ failed the first time: '))
}
