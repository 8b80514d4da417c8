import { Doorbell, type Clock } from '@powernode/clock'
import type { Listener } from '@powernode/postgres'

/** How long somebody who watches is not told that there is nothing new, before we look ourselves. */
const LOOK_EVERY_MS = 30_000

/** That the network is another one, whoever of our replicas changed it: one connection listens for everybody who watches. */
export class NetworkNews {
  readonly #bells = new Set<Doorbell>()

  async run(listener: Listener, signal: AbortSignal): Promise<void> {
    const ringAll = () => {
      for (const bell of this.#bells) bell.ring()
    }
    await listener.listen('sdwan_compiler_intent', ringAll, signal)
  }

  /** Yields at once, and then whenever something may have changed, until `signal` aborts. */
  async *looks(clock: Clock, signal: AbortSignal): AsyncGenerator<void> {
    const bell = new Doorbell()
    this.#bells.add(bell)
    try {
      while (!signal.aborted) {
        yield
        await bell.wait(clock, LOOK_EVERY_MS, signal)
      }
    } finally {
      this.#bells.delete(bell)
    }
  }
}
