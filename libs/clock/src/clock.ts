import { setTimeout as timeout } from 'node:timers/promises'

/** Time as a dependency. Nothing else in the mesh may read the wall clock or wait. */
export interface Clock {
  now(): Date
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects: a loop looks at its signal next anyway. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** What one timer of Node can wait: more than a signed 32-bit number of milliseconds fires at once instead. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The machine's own clock. Handed out by a process's main; everything below takes a `Clock`. */
export const systemClock: Clock = {
  now: () => new Date(),
  async sleep(ms, signal) {
    for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST_TIMER_MS) {
      await timeout(Math.min(left, LONGEST_TIMER_MS), undefined, { signal }).catch(ignoreAbort(signal))
    }
  },
}

/** Lets an abort end the wait quietly, and nothing else. */
function ignoreAbort(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error
  }
}
