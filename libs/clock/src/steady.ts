import type { Clock } from './clock.ts'

/**
 * The same clock as it would be had nobody set it since this call.
 *
 * For plans kept in memory: by the wall clock all of them fall due at once when it is set forward, and none for an hour
 * when it is set back by one. What is written down or said to others MUST be of the wall clock.
 */
export function steady(clock: Clock): Clock {
  const began = clock.now().getTime() - clock.elapsed()
  return {
    now: () => new Date(Math.round(began + clock.elapsed())),
    elapsed: () => clock.elapsed(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  }
}
