import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'

type Awaited = { readonly dueMs: number; readonly late: () => void }

const LEAST_LOOK_MS = 10

/**
 * Messages that have begun to arrive, and by when each MUST be there.
 *
 * One look at the oldest for all of them, in place of a timer for each: every call has one of these, and nearly all
 * messages are there at once.
 */
export class Arrivals {
  readonly #withinMs: number
  readonly #elapsedMs = elapsed()
  /** In the order they are due, since all have the same time. */
  readonly #awaited = new Set<Awaited>()

  constructor(withinMs: number) {
    this.#withinMs = withinMs
  }

  /** Calls `late` unless what it returns is called in time. */
  expect(late: () => void): () => void {
    const awaited = { dueMs: this.#elapsedMs() + this.#withinMs, late }
    this.#awaited.add(awaited)
    return () => this.#awaited.delete(awaited)
  }

  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    const everyMs = Math.max(LEAST_LOOK_MS, this.#withinMs / 20)
    for (; !signal.aborted; await clock.sleep(everyMs, signal)) {
      const nowMs = this.#elapsedMs()
      for (const awaited of this.#awaited) {
        if (awaited.dueMs > nowMs) break
        this.#awaited.delete(awaited)
        awaited.late()
      }
    }
  }
}
