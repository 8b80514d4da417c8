type Entry = { readonly id: string; readonly dueMs: number }

/**
 * Who is due when: a binary heap with one entry for each id.
 *
 * An id that is planned anew leaves its old entry behind, to be skipped when it surfaces: moving one of a million
 * costs as much as adding it. Entries left behind are swept out when they outnumber the living.
 */
export class Schedule {
  #heap: Entry[] = []
  readonly #dueMs = new Map<string, number>()

  get size(): number {
    return this.#dueMs.size
  }

  dueAt(id: string): Date | undefined {
    const dueMs = this.#dueMs.get(id)
    return dueMs === undefined ? undefined : new Date(dueMs)
  }

  /** Plans `id` for this moment, whatever was planned for it before. */
  plan(id: string, at: Date): void {
    const dueMs = at.getTime()
    if (this.#dueMs.get(id) === dueMs) return
    this.#dueMs.set(id, dueMs)
    this.#push({ id, dueMs })
    if (this.#heap.length > 2 * this.#dueMs.size + 64) this.#rebuild()
  }

  forget(id: string): void {
    this.#dueMs.delete(id)
  }

  /** The moment of the first entry; undefined when nothing is planned. */
  nextAt(): Date | undefined {
    this.#dropStale()
    return this.#heap[0] && new Date(this.#heap[0].dueMs)
  }

  /** Takes out the first id that is due at `now`, if any. It is not planned any more until `plan` is called again. */
  take(now: Date): string | undefined {
    this.#dropStale()
    const [first] = this.#heap
    if (!first || first.dueMs > now.getTime()) return undefined
    this.#pop()
    this.#dueMs.delete(first.id)
    return first.id
  }

  #dropStale(): void {
    while (this.#heap[0] && this.#dueMs.get(this.#heap[0].id) !== this.#heap[0].dueMs) this.#pop()
  }

  #rebuild(): void {
    this.#heap = [...this.#dueMs].map(([id, dueMs]) => ({ id, dueMs })).sort((a, b) => a.dueMs - b.dueMs)
  }

  #push(entry: Entry): void {
    const heap = this.#heap
    let at = heap.length
    for (let up = (at - 1) >> 1; at > 0 && heap[up]!.dueMs > entry.dueMs; up = (at - 1) >> 1) {
      heap[at] = heap[up]!
      at = up
    }
    heap[at] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (let down = 1; down < heap.length; down = 2 * at + 1) {
      if (down + 1 < heap.length && heap[down + 1]!.dueMs < heap[down]!.dueMs) down++
      if (heap[down]!.dueMs >= last.dueMs) break
      heap[at] = heap[down]!
      at = down
    }
    heap[at] = last
  }
}
