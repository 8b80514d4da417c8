import type { Clock } from './clock.ts'

/** Said once for all: without a reason an abort makes an error, with its stack, each time. */
const RUNG = 'rung'

/** Wakes a loop early. A ring while nobody waits is kept for the next wait; many rings are one. */
export class Doorbell {
  #rung = false
  #stopWaiting: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#stopWaiting?.()
  }

  /** Resolves when rung (true), after `ms`, or when `signal` aborts. */
  async wait(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) {
      const waiting = new AbortController()
      const stop = () => waiting.abort(RUNG)
      this.#stopWaiting = stop
      signal.addEventListener('abort', stop)
      await clock.sleep(ms, waiting.signal)
      signal.removeEventListener('abort', stop)
      this.#stopWaiting = undefined
    }
    const rung = this.#rung
    this.#rung = false
    return rung
  }
}
