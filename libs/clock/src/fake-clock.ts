import type { Clock } from './clock.ts'

type Sleeper = { readonly dueMs: number; readonly wake: () => void }

/** Turns of the event loop given to whoever was just woken, so that it can reach its next sleep. */
const TURNS_AFTER_WAKING = 3

/**
 * A clock that stands still until told to move.
 *
 * `advance` wakes sleepers in the order they are due and lets each run before time moves on, so a loop that sleeps
 * ten seconds runs six times in `advance(60_000)`. What waits for a socket or a database needs more than that:
 * a test MUST then wait for the state it expects, or for `sleeping(n)`, and not merely advance again.
 */
export class FakeClock implements Clock {
  #elapsedMs = 0
  /** The wall clock less what has passed: moves only when somebody sets the clock. */
  #wallMs: number
  #sleepers: Sleeper[] = []
  #watchers: { readonly count: number; readonly resolve: () => void }[] = []

  constructor(start: Date = new Date('2026-01-01T00:00:00Z')) {
    this.#wallMs = start.getTime()
  }

  now(): Date {
    return new Date(this.#wallMs + this.#elapsedMs)
  }

  elapsed(): number {
    return this.#elapsedMs
  }

  /** Somebody sets the wall clock, forward or back. No time passes: nobody wakes, and `elapsed` reads as before. */
  jump(ms: number): void {
    this.#wallMs += ms
  }

  /** As the system's: at once when there is nothing to wait for, or when the signal has already aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (ms <= 0 || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        dueMs: this.#elapsedMs + ms,
        wake: () => {
          signal.removeEventListener('abort', sleeper.wake)
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
          resolve()
        },
      }
      signal.addEventListener('abort', sleeper.wake)
      this.#sleepers.push(sleeper)
      this.#tellWatchers()
    })
  }

  /** Moves time on by `ms`, waking everyone who is due on the way, in order. */
  async advance(ms: number): Promise<void> {
    const targetMs = this.#elapsedMs + ms
    await turns(TURNS_AFTER_WAKING)
    for (let next = this.#nextDue(targetMs); next; next = this.#nextDue(targetMs)) {
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
      next.wake()
      await turns(TURNS_AFTER_WAKING)
    }
    this.#elapsedMs = targetMs
  }

  /** Resolves once at least `count` sleepers wait here: the state to wait for before `advance` can mean anything. */
  sleeping(count = 1): Promise<void> {
    if (this.#sleepers.length >= count) return Promise.resolve()
    return new Promise((resolve) => this.#watchers.push({ count, resolve }))
  }

  /** All stand still for `ms`, as on a machine that was suspended: nobody wakes on the way, and then everyone who is due does, late. */
  async stall(ms: number): Promise<void> {
    this.#elapsedMs += ms
    await this.advance(0)
  }

  #nextDue(targetMs: number): Sleeper | undefined {
    const [first] = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs)
    return first && first.dueMs <= targetMs ? first : undefined
  }

  #tellWatchers(): void {
    const reached = this.#watchers.filter(({ count }) => this.#sleepers.length >= count)
    this.#watchers = this.#watchers.filter((watcher) => !reached.includes(watcher))
    for (const { resolve } of reached) resolve()
  }
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}
