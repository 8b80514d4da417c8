/**
 * `npm test`: every test, or those whose file name holds one of the words given; vitest's options work too.
 *
 * The counts are the very last line, after Postgres and everything else has been stopped. What failed is told once more in
 * the file that POWERNODE_FAILURES names, if it does. With CI=true a few files that failed are run a second time, and both
 * results are shown.
 */
import { fileURLToPath } from 'node:url'
import { createVitest, parseCLI } from 'vitest/node'
import { countsLine, countsOf } from './counts-reporter.ts'
import { note, noteFailures } from './failures.ts'
import { runAgain } from './second-run.ts'

process.env['POWERNODE_COUNTS'] = 'printed-by-caller'
process.chdir(fileURLToPath(new URL('..', import.meta.url)))

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)])
const vitest = await createVitest('test', { config: 'test/vitest.config.ts', ...options, run: true, watch: false })
let stopped = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // vitest's own listener would exit at once and leave the test's directories behind.
  process.removeAllListeners(signal)
  process.on(signal, () => {
    stopped = true
    void vitest.cancelCurrentRun('keyboard-input')
  })
}

let first: readonly string[] = []
try {
  await vitest.start(filter)
  if (process.env['CI'] === 'true' && !stopped) first = await runAgain(vitest, vitest.state.getTestModules())
} catch (error) {
  // vitest has named the reason when no file matched; anything else is ours to show.
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
}
const modules = vitest.state.getTestModules()
const outside = vitest.state.getUnhandledErrors()
const counts = countsOf(modules, outside.length)
note(first)
noteFailures(modules, outside)
await vitest.close()
for (const text of first) process.stdout.write(`${text}\n`)
process.stdout.write(`${countsLine(counts)}\n`)
process.exitCode = stopped || counts.failed > 0 || counts.passed === 0 ? 1 : 0
