import type { Clock } from '@powernode/clock'

/** Wakes a loop before its time. */
export type Bell = {
  readonly ring: () => void
  /** Resolves after `ms`, when the bell rings, or when `signal` aborts. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

/** A ring that nobody waits for is kept for the next who does. */
export function createBell(clock: Clock): Bell {
  let rung = new AbortController()
  return {
    ring: () => rung.abort(),
    async wait(ms, signal) {
      await clock.sleep(ms, AbortSignal.any([signal, rung.signal]))
      if (rung.signal.aborted) rung = new AbortController()
    },
  }
}
