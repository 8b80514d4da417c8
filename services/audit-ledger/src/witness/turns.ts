import { backoffMs, type Clock } from '@powernode/clock'

/** What is done for a key when it is its turn. Throws when it could not be done, and is then given another turn later. */
export type Work = (key: string, signal: AbortSignal) => Promise<void>

type Turn = {
  state: 'queued' | 'running' | 'resting'
  /** It was rung while its work ran: what the work saw may be old. */
  again: boolean
  failures: number
  /** What it failed at last is over in a moment. */
  passing: boolean
  /** Ends the rest. */
  wake: AbortController
}

const REST = { firstMs: 200, mostMs: 60_000 }
/** Who has just started learns who we are within moments, and must not be left alone for as long as it was away. */
const PASSING_REST = { firstMs: 100, mostMs: 5_000 }

type TurnsParts = {
  readonly clock: Clock
  readonly work: Work
  readonly atOnce: number
  /** Whether what a work threw will be over in a moment. */
  readonly passes?: (error: unknown) => boolean
}

/**
 * Gives turns to what is rung for: each key one at a time, at most `atOnce` together, in the order they were rung.
 *
 * However often a key is rung while it waits or works, it gets one more turn: bursts cost no more than their last. A key
 * whose work fails rests, longer each time, and holds nobody else up. How long it failed before at something that lasts says
 * nothing about what passes: that is counted anew.
 */
export class Turns {
  readonly #clock: Clock
  readonly #work: Work
  readonly #atOnce: number
  readonly #passes: (error: unknown) => boolean
  readonly #turns = new Map<string, Turn>()
  readonly #queue: string[] = []
  readonly #underway = new Set<Promise<void>>()
  #signal: AbortSignal = AbortSignal.abort()

  constructor({ clock, work, atOnce, passes = () => false }: TurnsParts) {
    this.#clock = clock
    this.#work = work
    this.#atOnce = atOnce
    this.#passes = passes
  }

  /** There is something to do. With `anew`, whatever it failed at is over. */
  ring(key: string, { anew = false } = {}): void {
    const turn = this.#turns.get(key)
    if (!turn) return this.#enqueue(key)
    if (anew) turn.failures = 0
    if (turn.state === 'running') turn.again = true
    if (turn.state === 'resting' && anew) turn.wake.abort()
  }

  /** Gives turns until `signal` aborts, then waits for those that are under way. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal
    this.#begin()
    const { promise, resolve } = Promise.withResolvers<void>()
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    await Promise.all(this.#underway)
    this.#turns.clear()
    this.#queue.length = 0
  }

  #enqueue(key: string, { failures, passing } = { failures: 0, passing: false }): void {
    this.#turns.set(key, { state: 'queued', again: false, failures, passing, wake: new AbortController() })
    this.#queue.push(key)
    this.#begin()
  }

  #begin(): void {
    while (!this.#signal.aborted && this.#underway.size < this.#atOnce) {
      const key = this.#queue.shift()
      const turn = key === undefined ? undefined : this.#turns.get(key)
      if (key === undefined || !turn) return
      const running = this.#take(key, turn).finally(() => {
        this.#underway.delete(running)
        this.#begin()
      })
      this.#underway.add(running)
    }
  }

  async #take(key: string, turn: Turn): Promise<void> {
    turn.state = 'running'
    try {
      await this.#work(key, this.#signal)
      this.#turns.delete(key)
      if (turn.again) this.#enqueue(key)
    } catch (error) {
      const passing = this.#passes(error)
      turn.failures = passing === turn.passing ? turn.failures + 1 : 1
      turn.passing = passing
      turn.state = 'resting'
      void this.#rest(key, turn)
    }
  }

  /** Not waited for: whoever rests takes nobody's place. */
  async #rest(key: string, turn: Turn): Promise<void> {
    const waking = AbortSignal.any([this.#signal, turn.wake.signal])
    await this.#clock.sleep(backoffMs(turn.failures, turn.passing ? PASSING_REST : REST), waking)
    if (!this.#signal.aborted) this.#enqueue(key, turn)
  }
}
