import type { Head } from './epoch.ts'
import { readChanges, type Changes } from './read-changes.ts'
import { sharing } from './sharing.ts'

/** What changed after one position: few updates, held until all who asked for them have them. */
export type Few<Update> = { readonly updates: readonly Update[]; readonly head: Head }

const FEW = 200
const NEVER = new AbortController().signal

/**
 * Readers stand at the same position, almost always, and are rung at the same moment: they share one read.
 *
 * It begins after each of them asked, so it is as good as one of their own. When there is much to tell each reads for
 * itself, at the speed at which it takes.
 */
export class SharedChanges<Tables, Update> {
  readonly #changes: Changes<Tables, Update>
  readonly #trips = new Map<string, () => Promise<Few<Update> | undefined>>()

  constructor(changes: Changes<Tables, Update>) {
    this.#changes = changes
  }

  /** Undefined: there is too much of it. */
  since(position: Head): Promise<Few<Update> | undefined> {
    const key = `${position.epoch} ${position.mark.toString('hex')}`
    const trip = this.#trips.get(key) ?? sharing(() => this.#read(position))
    this.#trips.delete(key)
    this.#trips.set(key, trip) // the youngest last
    const [oldest] = this.#trips.keys()
    if (this.#trips.size > MOST_POSITIONS && oldest !== undefined) this.#trips.delete(oldest)
    return trip()
  }

  async #read(position: Head): Promise<Few<Update> | undefined> {
    const updates: Update[] = []
    const changes = readChanges(this.#changes, { position, isFirst: false }, NEVER)
    for (;;) {
      const next = await changes.next()
      if (next.done) return next.value && { updates, head: next.value }
      updates.push(next.value.update)
      if (updates.length <= FEW) continue
      await changes.return(undefined)
      return undefined
    }
  }
}

/** A trip that is forgotten while it is under way still reaches those who share it. */
const MOST_POSITIONS = 16
