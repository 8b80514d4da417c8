import type { Clock } from '@powernode/clock'

/** A sleep that somebody else can end. */
export type Wake = {
  /** Ends the sleep, or the next one when nobody sleeps just now: a call between two rounds is not lost. */
  readonly now: () => void
  /** Resolves at `at`, or never by itself when there is no such moment; on `now`; when `signal` aborts. */
  readonly sleepUntil: (at: Date | undefined, signal: AbortSignal) => Promise<void>
}

/** Somebody who has nothing to wait for looks again after this long. */
const LONGEST_SLEEP_MS = 60_000

export function createWake(clock: Clock): Wake {
  let woken = new AbortController()
  return {
    now: () => woken.abort(),
    async sleepUntil(at, signal) {
      const ms = at ? Math.min(LONGEST_SLEEP_MS, at.getTime() - clock.now().getTime()) : LONGEST_SLEEP_MS
      const either = new AbortController()
      const end = () => either.abort()
      woken.signal.addEventListener('abort', end)
      signal.addEventListener('abort', end)
      if (woken.signal.aborted || signal.aborted) end()
      await clock.sleep(ms, either.signal)
      signal.removeEventListener('abort', end)
      if (woken.signal.aborted) woken = new AbortController()
    },
  }
}
