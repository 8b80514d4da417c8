/** Numbers that look random and are the same in every run (mulberry32). */
export class Draw {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }

  /** From 0 up to but without `below`. */
  below(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }

  of<T>(some: readonly T[]): T {
    const one = some[this.below(some.length)]
    if (one === undefined) throw new Error('there is nothing to choose from')
    return one
  }

  /** One of them that is not the other. */
  but<T>(some: readonly T[], other: T): T {
    return this.of(some.filter((one) => one !== other))
  }
}
