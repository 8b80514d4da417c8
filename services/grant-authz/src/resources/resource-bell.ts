import { Doorbell } from '@powernode/clock'
import type { Listener } from '@powernode/postgres'
import type { Metrics } from '@powernode/process'
import { RESOURCE_CHANNEL } from '../store/resources.ts'

/** Wakes those who watch a kind when a change of it has committed, in whatever replica. */
export class ResourceBell {
  readonly #waiting = new Map<string, Set<Doorbell>>()
  readonly #watching: ReturnType<Metrics['gauge']>

  constructor(metrics: Metrics) {
    this.#watching = metrics.gauge('fed_resource_watchers', 'Open streams of changes of resources')
    this.#watching.set(0)
  }

  /** Listens until told to stop. What may have been missed meanwhile rings for everybody. */
  run(listener: Listener, signal: AbortSignal): Promise<void> {
    return listener.listen(RESOURCE_CHANNEL, (kind) => this.#ring(kind), signal)
  }

  /** A bell that rings for changes of this kind, until it is left. */
  join(kind: string): { readonly bell: Doorbell; readonly leave: () => void } {
    const bell = new Doorbell()
    const bells = this.#waiting.get(kind) ?? new Set()
    this.#waiting.set(kind, bells.add(bell))
    this.#watching.set(this.size)
    const leave = () => {
      bells.delete(bell)
      if (bells.size === 0 && this.#waiting.get(kind) === bells) this.#waiting.delete(kind)
      this.#watching.set(this.size)
    }
    return { bell, leave }
  }

  get size(): number {
    return [...this.#waiting.values()].reduce((sum, bells) => sum + bells.size, 0)
  }

  #ring(kind: string | undefined): void {
    const bells = kind === undefined ? [...this.#waiting.values()] : [this.#waiting.get(kind) ?? []]
    for (const some of bells) for (const bell of some) bell.ring()
  }
}
