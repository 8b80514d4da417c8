/** Chance that falls the same way whenever the seed is the same: mulberry32, 32 bits of state, good enough to choose misfortunes. */
export class Draw {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number in [0, 1). */
  readonly chance = (): number => {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  happens(share: number): boolean {
    return share > 0 && this.chance() < share
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.chance() * (most - least + 1))
  }

  oneOf<T>(all: readonly T[]): T {
    const one = all[this.whole(0, all.length - 1)]
    if (one === undefined) throw new Error('nothing to choose from')
    return one
  }

  /** Sixteen bytes: a nonce, an incarnation. */
  bytes(): Buffer {
    const bytes = Buffer.allocUnsafe(16)
    for (let at = 0; at < 16; at += 4) bytes.writeUInt32LE(Math.floor(this.chance() * 2 ** 32), at)
    return bytes
  }

  uuid(): string {
    const hex = this.bytes().toString('hex')
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
  }
}
