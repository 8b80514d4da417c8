import { elapsed } from '@powernode/process'

/** Most works take some microseconds: so many are a turn. */
const MOST = 32
/** Some take longer. A turn that has lasted so long ends, whatever it has done: far below what a lease may be heard late. */
const LONGEST_MS = 5

/**
 * What there is to do for callers, a little at a time. Between the turns what was written leaves and what came in is read.
 *
 * However much comes at once, leases are heard meanwhile, so no peer can make this gateway refuse the others as stale;
 * and the first decisions are being written down while the next calls are decided. First come, first served.
 */
export class Turns {
  readonly #elapsedMs: () => number
  readonly #waiting: (() => void)[] = []

  constructor(elapsedMs = elapsed()) {
    this.#elapsedMs = elapsedMs
  }

  /** Has `work` done in a later turn. */
  take(work: () => void): void {
    this.#waiting.push(work)
    if (this.#waiting.length === 1) setImmediate(this.#turn)
  }

  readonly #turn = (): void => {
    const overMs = this.#elapsedMs() + LONGEST_MS
    let done = 0
    do this.#waiting[done++]?.()
    while (done < MOST && done < this.#waiting.length && this.#elapsedMs() < overMs)
    this.#waiting.splice(0, done)
    if (this.#waiting.length > 0) setImmediate(this.#turn)
  }
}
