/** What is put in, in order, to whoever iterates; ends when it is closed. One reader. */
export class Mailbox<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = []
  #wake = Promise.withResolvers<void>()
  #closed = false

  put(item: T): void {
    if (this.#closed) return
    this.#waiting.push(item)
    this.#wake.resolve()
  }

  close(): void {
    this.#closed = true
    this.#wake.resolve()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) {
        yield next
        continue
      }
      if (this.#closed) return
      await this.#wake.promise
      this.#wake = Promise.withResolvers<void>()
      if (this.#closed) this.#wake.resolve()
    }
  }
}
