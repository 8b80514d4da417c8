import { backgroundClock } from '@powernode/clock'
import { createLogger, type Logger } from './logger.ts'
import { ConfigInvalid } from './read-config.ts'

/** How long what is still open after the end of `run` may keep the process alive. */
const LINGER_MS = 3_000
const PARENT_POLL_MS = 250

/**
 * Runs a process: `run` gets a signal that aborts on SIGINT or SIGTERM, and its end is the end of the process.
 *
 * Exit code 0 when `run` returns, 1 when it throws or when anything is thrown that nobody caught; after the latter the
 * process stops as if it had been told to, because its state can no longer be trusted. With
 * `POWERNODE_EXIT_WITH_PARENT=1` it also stops when its parent is gone, so that a killed launcher leaves nothing behind.
 */
export async function main(
  run: (signal: AbortSignal) => Promise<void>,
  { logger = createLogger('process') }: { readonly logger?: Logger } = {},
): Promise<void> {
  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, () => stop.abort())
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, (error: unknown) => {
      fail(logger, error, 'nobody caught an error: stopping')
      stop.abort()
    })
  }
  if (process.env['POWERNODE_EXIT_WITH_PARENT'] === '1') void abortWithParent(stop)

  try {
    await run(stop.signal)
  } catch (error) {
    fail(logger, error, 'the process failed')
  } finally {
    stop.abort()
    void exitIfLingering(logger)
  }
}

function fail(logger: Logger, error: unknown, message: string): void {
  process.exitCode = 1
  const fields = error instanceof ConfigInvalid ? { problems: error.problems } : { error }
  logger.fatal(fields, error instanceof ConfigInvalid ? 'the configuration cannot be used' : message)
}

/** Aborts once this process has been handed to another parent: the one that started it has died. */
async function abortWithParent(stop: AbortController): Promise<void> {
  const parent = process.ppid
  while (!stop.signal.aborted && process.ppid === parent) await backgroundClock.sleep(PARENT_POLL_MS, stop.signal)
  stop.abort()
}

/**
 * Ends a process that has nothing left to do but does not end, because something was left open.
 *
 * The sleep itself keeps nothing alive. Without it one forgotten socket in a failed process would keep a supervisor
 * from ever starting it again.
 */
async function exitIfLingering(logger: Logger): Promise<void> {
  await backgroundClock.sleep(LINGER_MS, new AbortController().signal)
  logger.error({ resources: process.getActiveResourcesInfo() }, 'something was left open: exiting anyway')
  process.exit(process.exitCode ?? 0)
}
