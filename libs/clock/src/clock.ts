export { backoffMs, jittered } from './backoff.ts'
export { Doorbell } from './doorbell.ts'
export { onSlowMachine, patient } from './patience.ts'
export { steady } from './steady.ts'

/** Time as a dependency. Nothing else in the mesh may read the wall clock or wait. */
export interface Clock {
  now(): Date
  /**
   * Milliseconds since a moment of no meaning, by a clock that nobody sets: it never goes back and never leaps. Only the
   * difference of two readings in one process says something; beside that of `now` it shows that the wall clock was set.
   */
  elapsed(): number
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects: a loop looks at its signal next anyway. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The machine's own clock. Handed out by a process's main; everything below takes a `Clock`. */
export const systemClock: Clock = {
  now: () => new Date(),
  elapsed: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, signal, true),
}

/** The machine's own clock for what must not keep a process alive: a sleep here ends unseen with everything else. */
export const backgroundClock: Clock = { ...systemClock, sleep: (ms, signal) => sleep(ms, signal, false) }

/** What one timer of Node can wait: more than a signed 32-bit number of milliseconds fires at once instead. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

async function sleep(ms: number, signal: AbortSignal, ref: boolean): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST_TIMER_MS)
    await timer(Math.min(left, LONGEST_TIMER_MS), signal, ref)
}

/** Not the one of node:timers/promises: loops are woken hundreds of times a second, and it makes an error, with its stack, each time. */
async function timer(ms: number, signal: AbortSignal, ref: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = () => resolve()
  const timeout = setTimeout(stop, ms)
  if (!ref) timeout.unref()
  signal.addEventListener('abort', stop)
  await promise
  signal.removeEventListener('abort', stop)
  clearTimeout(timeout)
}
