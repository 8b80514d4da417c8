import { inTransaction } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Act, DoorDeps } from './door.ts'

/** Transactions for peers under way: all together, which is less than half of our connections, and of one peer. */
const TOGETHER = 8
const OF_ONE = 2
/** What of one peer may wait for its turn: an honest one has hardly more than one question of each kind. */
const WAITING = 16

type Peer = { underway: number; readonly waiting: (() => void)[] }

/**
 * Takes turns between peers that want something of our database.
 *
 * Much of that waits for locks, and each waits with a connection in its hand. So what is done for one peer MUST NOT take the
 * connections that others need, nor what is done for all of them those by which entries are written.
 */
export class PeerTurns {
  #underway = 0
  /** Those that have something here; who had a turn goes to the end. */
  readonly #peers = new Map<string, Peer>()

  async take<T>(peerId: string, work: () => Promise<T>): Promise<T> {
    const peer = this.#peers.get(peerId) ?? { underway: 0, waiting: [] }
    this.#peers.set(peerId, peer)
    if (peer.waiting.length >= WAITING) throw new Refusal('RATE_LIMITED', 'too many at a time', { retryAfterMs: 1_000 })
    await new Promise<void>((resolve) => {
      peer.waiting.push(resolve)
      this.#begin()
    })
    try {
      return await work()
    } finally {
      this.#underway--
      peer.underway--
      if (peer.underway === 0 && peer.waiting.length === 0) this.#peers.delete(peerId)
      this.#begin()
    }
  }

  #begin(): void {
    for (const [peerId, peer] of this.#peers) {
      if (this.#underway >= TOGETHER) return
      if (peer.underway >= OF_ONE) continue
      const begin = peer.waiting.shift()
      if (!begin) continue
      this.#underway++
      peer.underway++
      this.#peers.delete(peerId)
      this.#peers.set(peerId, peer)
      begin()
    }
  }
}

export type PeerDoorDeps = DoorDeps & { readonly turns: PeerTurns }

/** Runs a verb for a peer in a transaction of its own, when it is the peer's turn. */
export const actForPeer =
  ({ db, clock, turns }: PeerDoorDeps, peerId: string): Act =>
  (verb) =>
    turns.take(peerId, () => inTransaction(db, (tx) => verb(tx, clock.now())))
