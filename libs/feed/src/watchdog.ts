import { patient, type Clock } from '@powernode/clock'

/** A stream that may be slow to begin, a snapshot being read for many at once, and not so slow to go on. */
const FIRST_WORD_MS = 10_000
const PATIENCE_MS = 5_000

/** Calls `onSilence` when nothing was heard for too long, until `signal` aborts. */
export function watchdog(clock: Clock, signal: AbortSignal, onSilence: () => void): { heard(): void } {
  let words = 0
  const watch = async () => {
    for (let silentMs = FIRST_WORD_MS; !signal.aborted; silentMs = PATIENCE_MS) {
      const before = words
      await clock.sleep(patient(silentMs), signal)
      if (!signal.aborted && words === before) return onSilence()
    }
  }
  void watch()
  return { heard: () => void (words += 1) }
}
