import type { Socket } from 'node:net'
import type { Dropped } from './why-dropped.ts'

/**
 * The connections of callers we know, counted so that none of them takes the place of the others.
 * A caller's newest connection is the one turned away: those it has are in use, and were there first.
 */
export class CallersPresent {
  readonly #limits: { readonly perCaller: number; readonly total: number }
  readonly #byCaller = new Map<string, number>()
  #total = 0

  constructor(limits: { readonly perCaller: number; readonly total: number }) {
    this.#limits = limits
  }

  /** Counts a connection in until it closes, or says why there is no room for it. */
  enter(caller: string, socket: Socket): Dropped | undefined {
    const present = this.#byCaller.get(caller) ?? 0
    if (present >= this.#limits.perCaller) return 'too_many_connections'
    if (this.#total >= this.#limits.total) return 'too_many_callers'
    this.#count(caller, 1)
    socket.once('close', () => this.#count(caller, -1))
    return undefined
  }

  #count(caller: string, change: 1 | -1): void {
    this.#total += change
    const present = (this.#byCaller.get(caller) ?? 0) + change
    if (present === 0) this.#byCaller.delete(caller)
    else this.#byCaller.set(caller, present)
  }
}
