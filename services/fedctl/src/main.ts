import { systemClock } from '@powernode/clock'
import { systemEnvironment } from './environment.ts'
import { fedctl } from './fedctl.ts'

const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())
// A reader that has seen enough (`fedctl events watch | head`) ends us; that is no error.
process.stdout.on('error', () => interrupted.abort())

process.exitCode = await fedctl(process.argv.slice(2), {
  env: systemEnvironment(),
  clock: systemClock,
  signal: interrupted.signal,
})
