type Happening = { readonly atMs: number; readonly order: number; readonly happen: () => void }

/** True time, in milliseconds from the beginning, and what is to happen in it. What is due at one moment happens in the order it was planned. */
export class Timeline {
  nowMs = 0
  #planned = 0
  readonly #heap: Happening[] = []

  after(ms: number, happen: () => void): void {
    this.at(this.nowMs + Math.max(0, ms), happen)
  }

  at(atMs: number, happen: () => void): void {
    const heap = this.#heap
    const one = { atMs, order: this.#planned++, happen }
    let place = heap.length
    for (let up = (place - 1) >> 1; place > 0 && isBefore(one, heap[up]!); up = (place - 1) >> 1) {
      heap[place] = heap[up]!
      place = up
    }
    heap[place] = one
  }

  /** Lets everything happen until this moment, as long as `goOn` says so after each step. Whether it came so far. */
  run(untilMs: number, goOn: () => boolean): boolean {
    for (let next = this.#take(untilMs); next; next = this.#take(untilMs)) {
      this.nowMs = next.atMs
      next.happen()
      if (!goOn()) return false
    }
    this.nowMs = untilMs
    return true
  }

  #take(untilMs: number): Happening | undefined {
    const heap = this.#heap
    const [first] = heap
    if (!first || first.atMs > untilMs) return undefined
    const last = heap.pop()!
    if (heap.length === 0) return first
    let place = 0
    for (let down = 1; down < heap.length; down = 2 * place + 1) {
      if (down + 1 < heap.length && isBefore(heap[down + 1]!, heap[down]!)) down++
      if (!isBefore(heap[down]!, last)) break
      heap[place] = heap[down]!
      place = down
    }
    heap[place] = last
    return first
  }
}

const isBefore = (one: Happening, other: Happening): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
