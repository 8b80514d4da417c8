import { setTimeout as timeout } from 'node:timers/promises'

export { backoffMs, jittered } from './backoff.ts'
export { Doorbell } from './doorbell.ts'

/** Time as a dependency. Nothing else in the mesh may read the wall clock or wait. */
export interface Clock {
  now(): Date
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects: a loop looks at its signal next anyway. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The machine's own clock. Handed out by a process's main; everything below takes a `Clock`. */
export const systemClock: Clock = { now: () => new Date(), sleep: (ms, signal) => sleep(ms, signal, true) }

/** The machine's own clock for what must not keep a process alive: a sleep here ends unseen with everything else. */
export const backgroundClock: Clock = { now: () => new Date(), sleep: (ms, signal) => sleep(ms, signal, false) }

/** What one timer of Node can wait: more than a signed 32-bit number of milliseconds fires at once instead. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

async function sleep(ms: number, signal: AbortSignal, ref: boolean): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; left -= LONGEST_TIMER_MS) {
    try {
      await timeout(Math.min(left, LONGEST_TIMER_MS), undefined, { signal, ref })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
