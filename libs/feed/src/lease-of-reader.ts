import { LONGEST_LEASE_MS } from './lease.ts'

/** Until when a reader may act on what it holds, on its own stopwatch. */
export class Lease {
  readonly #elapsedMs: () => number
  #untilMs = -Infinity

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs
  }

  get isRunning(): boolean {
    return this.#elapsedMs() < this.#untilMs
  }

  /** From the moment the ask was sent, never from that of its answer; and never longer than those who revoke wait. */
  extend(sentAtMs: number, leaseMs: number): void {
    this.#untilMs = Math.max(this.#untilMs, sentAtMs + Math.min(leaseMs, LONGEST_LEASE_MS))
  }

  end(): void {
    this.#untilMs = -Infinity
  }
}
