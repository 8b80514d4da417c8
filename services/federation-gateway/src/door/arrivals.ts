import type { Clock } from '@powernode/clock'
import { elapsed } from '@powernode/process'

/** Whose message is on its way, and what is done when that is late. */
export type Awaited = { dueMs: number; late(): void }

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

  /** Calls its `late` unless it is forgotten in time. */
  expect(awaited: Awaited): void {
    awaited.dueMs = this.#elapsedMs() + this.#withinMs
    this.#awaited.add(awaited)
  }

  forget(awaited: Awaited): void {
    this.#awaited.delete(awaited)
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
