import { LEASE_MS, untilOver } from './lease.ts'
import { NOTHING, sameHead, type Head } from './epoch.ts'

/** One that is sent so many positions and acknowledges none is broken: to acknowledge one that is forgotten ends its stream. */
const MOST_WAITING = 10_000

/**
 * What one reader may still act on, as far as this replica can tell: what it said is in force there, and until when a
 * lease this replica gave it can run.
 */
export class Reader {
  readonly name: string
  readonly #elapsedMs: () => number
  readonly #leaseMs: number
  #heldUntilMs = -1
  #acknowledged = NOTHING
  #sent: Head[] = []

  constructor(name: string, elapsedMs: () => number, leaseMs: number) {
    this.name = name
    this.#elapsedMs = elapsedMs
    this.#leaseMs = leaseMs
  }

  /**
   * MUST be called before the read whose tick answers an ask that arrived at `askedAtMs`. The ask was sent before it
   * arrived, so the reader's own lease is over by then.
   */
  hold(askedAtMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, askedAtMs + untilOver(this.#leaseMs))
  }

  /** Whether a lease may still be running; also for a while after the reader is gone. */
  get isHeld(): boolean {
    return this.#elapsedMs() < this.#heldUntilMs
  }

  get heldUntilMs(): number {
    return this.#heldUntilMs
  }

  /** What the reader has said is in force there. */
  get acknowledged(): Head {
    return this.#acknowledged
  }

  /** How many positions it was sent and has not acknowledged. */
  get waiting(): number {
    return this.#sent.length
  }

  /** MUST be called before the position is sent. */
  sends(position: Head): void {
    this.#sent.push(position)
    if (this.#sent.length > MOST_WAITING) this.#sent.shift()
  }

  /** False: the reader says it holds what it was never sent. */
  acknowledge(position: Head): boolean {
    const at = this.#sent.findIndex((sent) => sameHead(sent, position))
    if (at < 0) return sameHead(position, this.#acknowledged)
    this.#acknowledged = position
    this.#sent.splice(0, at + 1)
    return true
  }
}

/** Every reader that may still act on what this replica told it, whether its stream is open or not. */
export class Readers {
  readonly #elapsedMs: () => number
  readonly #leaseMs: number
  readonly #open = new Set<Reader>()
  readonly #all = new Set<Reader>()

  constructor(elapsedMs: () => number, leaseMs: number = LEASE_MS) {
    this.#elapsedMs = elapsedMs
    this.#leaseMs = leaseMs
  }

  get size(): number {
    return this.#open.size
  }

  enter(name: string): Reader {
    const reader = new Reader(name, this.#elapsedMs, this.#leaseMs)
    this.#open.add(reader)
    this.#all.add(reader)
    return reader
  }

  /** The stream has ended; the lease has not. */
  leave(reader: Reader): void {
    this.#open.delete(reader)
  }

  /**
   * The positions that bind this replica: of each reader whose lease may be running, what it has acknowledged.
   *
   * A head that is to be compared with them MUST have been read before this is called.
   */
  bound(): Head[] {
    for (const reader of this.#all) if (!this.#open.has(reader) && !reader.isHeld) this.#all.delete(reader)
    return [...this.#all].filter(({ isHeld }) => isHeld).map(({ acknowledged }) => acknowledged)
  }

  /** How long until the next lease that holds back `epoch` is over; undefined: none does. */
  heldBackMs(epoch: bigint): number | undefined {
    const now = this.#elapsedMs()
    const late = [...this.#all].filter(({ isHeld, acknowledged }) => isHeld && acknowledged.epoch < epoch)
    return late.length > 0 ? Math.max(1, Math.min(...late.map(({ heldUntilMs }) => heldUntilMs)) - now) : undefined
  }
}
