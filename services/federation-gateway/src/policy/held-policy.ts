import { PolicyTable, type Policy } from '@powernode/policy'
import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'

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
