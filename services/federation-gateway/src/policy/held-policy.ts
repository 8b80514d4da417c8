import type { Clock } from '@powernode/clock'
import { PolicyTable, type Policy } from '@powernode/policy'
import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'

/** A lease, and what two stopwatches may differ by. */
const LEASES_OVER_MS = 1_200

/**
 * The policy as grant-authz last told it, and until when we may go by it.
 *
 * Asked at the moment of each call. While it is not fresh, every call that needs a decision MUST be refused: what we hold
 * may be the world before a revocation.
 */
export class HeldPolicy {
  readonly #table = new PolicyTable()
  readonly #listeners = new Set<() => void>()
  #isFresh: () => boolean = () => false
  #version = 0
  #settled = 0n
  #settling = Promise.withResolvers<void>()

  /** What decisions are made on. */
  get now(): Policy {
    return this.#table
  }

  get fresh(): boolean {
    return this.#isFresh()
  }

  /** Grows whenever what decisions are made on may have changed: the same number, the same verdicts. */
  get version(): number {
    return this.#version
  }

  /** How many grants are in force. */
  get size(): number {
    return this.#table.size
  }

  /** Who knows whether the lease is running. */
  trust(isFresh: () => boolean): void {
    this.#isFresh = isFresh
  }

  /** Calls `listener` after every change; what it returns ends that. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Nobody, at any gateway, can act any more on what was before this epoch. */
  settle(epoch: bigint): void {
    this.#settled = epoch
    this.#settling.resolve()
    this.#settling = Promise.withResolvers()
  }

  /**
   * Returns when no gateway can say yes any more where this epoch says no; at the latest when every lease from before it
   * has run out.
   *
   * Whoever says no earlier could be contradicted by a neighbour that has not heard yet: told "no" here and then "yes"
   * there, a caller would see a revocation come and go.
   */
  async untilSettled(epoch: bigint, clock: Clock): Promise<void> {
    if (this.#settled >= epoch) return
    const waited = new AbortController()
    let isOver = false
    const over = clock.sleep(LEASES_OVER_MS, waited.signal).then(() => void (isOver = true))
    try {
      while (this.#settled < epoch && !isOver) await Promise.race([this.#settling.promise, over])
    } finally {
      waited.abort()
    }
  }

  begin(replaces: boolean): void {
    this.#table.begin(replaces)
  }

  apply(page: PolicyPage): void {
    this.#table.apply(page)
  }

  /**
   * All up to this epoch is there, and in force when this returns: whoever goes by it has heard, and has cut what it
   * allows no more. Only after that may it be acknowledged.
   */
  whole(epoch: bigint): void {
    this.#table.position(epoch)
    this.#version += 1
    for (const listener of this.#listeners) listener()
  }
}
