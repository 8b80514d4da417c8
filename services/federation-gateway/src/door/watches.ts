import type { Clock } from '@powernode/clock'
import { Refusal } from '@powernode/rpc'
import type { HeldPolicy } from '../policy/held-policy.ts'
import type { PeerTable } from '../peers/peer-table.ts'
import type { Visitor } from './visitor.ts'

/** An open stream that ends itself when what allowed it has gone. MUST be done with it when `review` returns. */
export type Watch = { readonly review: () => void }

/** How soon a stream ends whose grant, or our lease, ran out: nothing tells us of that but the clock. */
const LOOK_EVERY_MS = 50

/**
 * The open streams that stand on a decision.
 *
 * All of them are looked at within the very change of policy or peers that may end them: when a feed acknowledges what
 * it took in, none is left that should not be.
 */
export class Watches {
  readonly #open = new Set<Watch>()
  readonly #perPeer: number
  /** How many each peer has, open or about to be. */
  readonly #taken = new Map<string, number>()
  readonly #doubted = new WeakSet<Visitor>()

  constructor(policy: HeldPolicy, table: PeerTable, perPeer: number) {
    this.#perPeer = perPeer
    policy.watch(() => this.review())
    table.watch(() => this.review())
  }

  /**
   * Room for one more stream of a peer, before anything is decided about it; what it returns gives that back. Every change
   * of policy looks at each of them before it is acknowledged, so a peer with thousands would hold up all revocations.
   */
  enter(peerId: string): () => void {
    const taken = this.#taken.get(peerId) ?? 0
    if (taken >= this.#perPeer) {
      throw new Refusal('RATE_LIMITED', 'too many open streams', {
        metadata: { limit: String(this.#perPeer) },
        retryAfterMs: 1_000,
      })
    }
    this.#taken.set(peerId, taken + 1)
    return () => {
      const left = (this.#taken.get(peerId) ?? 0) - 1
      if (left > 0) this.#taken.set(peerId, left)
      else this.#taken.delete(peerId)
    }
  }

  /** What vouched for somebody has changed: its calls may finish, and its streams, which would not, end. */
  doubt(visitor: Visitor): void {
    this.#doubted.add(visitor)
    this.review()
  }

  /** Why this connection is of no use to a stream any more. */
  doubtOf(visitor: Visitor): Refusal | undefined {
    if (!this.#doubted.has(visitor)) return undefined
    return new Refusal('CERTIFICATE_NOT_TRUSTED', 'what vouched for your certificate has changed: connect anew')
  }

  open(watch: Watch): () => void {
    this.#open.add(watch)
    return () => this.#open.delete(watch)
  }

  review(): void {
    for (const watch of this.#open) watch.review()
  }

  /** Ends what time ends: grants, leases, certificates. */
  async run(clock: Clock, signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await clock.sleep(LOOK_EVERY_MS, signal)) this.review()
  }
}
