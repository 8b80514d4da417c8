/** One reader of a feed: messages wait here until it takes them. */
type Watcher<Message> = { readonly waiting: Message[]; wake: () => void; overflown: boolean }

/** A reader this far behind is better off with a new snapshot. */
const MOST_WAITING = 50_000

/** The readers of one feed. What is sent reaches all of them in the same order. */
export class Watchers<Message> {
  readonly #watchers = new Set<Watcher<Message>>()

  get size(): number {
    return this.#watchers.size
  }

  send(messages: readonly Message[]): void {
    for (const watcher of this.#watchers) {
      watcher.overflown ||= watcher.waiting.length + messages.length > MOST_WAITING
      watcher.waiting.push(...(watcher.overflown ? [] : messages))
      watcher.wake()
    }
  }

  /** First `snapshot`, taken in the same moment as the reader begins to be sent to; then everything, until `signal` aborts. */
  async *watch(snapshot: () => readonly Message[], signal: AbortSignal): AsyncGenerator<Message> {
    const watcher: Watcher<Message> = { waiting: [...snapshot()], wake: () => {}, overflown: false }
    this.#watchers.add(watcher)
    const stop = () => watcher.wake()
    signal.addEventListener('abort', stop)
    try {
      while (!signal.aborted && !watcher.overflown) {
        yield* watcher.waiting.splice(0)
        if (watcher.waiting.length > 0) continue
        await new Promise<void>((resolve) => {
          watcher.wake = resolve
          if (signal.aborted || watcher.overflown || watcher.waiting.length > 0) resolve()
        })
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#watchers.delete(watcher)
    }
  }
}
