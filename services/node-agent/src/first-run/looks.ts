import type { Clock } from '@powernode/clock'

const SOONEST_MS = 50
const LATEST_MS = 2_000

/**
 * How often our own registry is asked how far it has come: again after a tenth of what it has taken until now.
 *
 * So what is over within a second is seen at once, what takes an hour is not asked for ten times a second, and none is
 * seen much later than it came true.
 */
export class Looks {
  readonly #clock: Clock
  readonly #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now().getTime()
  }

  wait(signal: AbortSignal): Promise<void> {
    const tenth = (this.#clock.now().getTime() - this.#since) / 10
    return this.#clock.sleep(Math.min(LATEST_MS, Math.max(SOONEST_MS, tenth)), signal)
  }
}
