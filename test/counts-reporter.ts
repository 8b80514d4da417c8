import type { Reporter, TestModule } from 'vitest/node'
import { noteFailures } from './failures.ts'

export type Counts = { passed: number; failed: number; skipped: number }

/** How a run ended, in the one line that CI reads. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed` + (skipped > 0 ? `, ${skipped} skipped` : '')
}

/**
 * Counts tests as they ended.
 *
 * A file that could not be loaded, a suite whose hook threw, a test that never ended and an error outside every test
 * each count as one failure: a run MUST NOT look green because the tests that would have failed never began.
 */
export function countsOf(modules: readonly TestModule[], errorsOutside: number): Counts {
  const counts: Counts = { passed: 0, failed: errorsOutside, skipped: 0 }
  for (const module of modules) {
    const failedBefore = counts.failed
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === 'pending' ? 'failed' : state] += 1
    }
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    counts.failed += module.errors().length
    if (!module.ok() && counts.failed === failedBefore) counts.failed += 1
  }
  return counts
}

/** Prints the counts after vitest's own summary, and notes what failed, unless the caller does so itself. */
export class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    if (process.env['POWERNODE_COUNTS'] === 'printed-by-caller') return
    noteFailures(modules, unhandledErrors)
    process.stdout.write(`${countsLine(countsOf(modules, unhandledErrors.length))}\n`)
  }
}
