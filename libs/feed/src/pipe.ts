import type { Clock } from '@powernode/clock'

type Patience = { readonly clock: Clock; readonly ms: number; readonly signal: AbortSignal }

/** Between one who reads rows and one who takes them, at his own speed: so many may wait, and whoever puts waits then. */
export class Pipe<Item> {
  readonly #most: number
  #items: Item[] = []
  #isEnded = false
  #wakeTaker = () => {}
  #taken = new AbortController()

  constructor(most: number) {
    this.#most = most
  }

  /** False: nothing was taken for as long as the patience lasts, or it was aborted. */
  async put(item: Item, { clock, ms, signal }: Patience): Promise<boolean> {
    if (this.#items.length >= this.#most) {
      const { signal: taken } = this.#taken
      await clock.sleep(ms, AbortSignal.any([taken, signal]))
      if (!taken.aborted) return false
    }
    this.#items.push(item)
    this.#wakeTaker()
    return !signal.aborted
  }

  /** Nothing more will be put. */
  end(): void {
    this.#isEnded = true
    this.#wakeTaker()
  }

  /** All that is put, until it is ended. */
  async *items(): AsyncGenerator<Item> {
    for (;;) {
      const items = this.#items
      this.#items = []
      this.#taken.abort()
      this.#taken = new AbortController()
      yield* items
      if (this.#items.length > 0) continue
      if (this.#isEnded) return
      await new Promise<void>((resolve) => (this.#wakeTaker = resolve))
    }
  }
}
