import type { Clock } from '@powernode/clock'
import type { HeldPolicy } from '../policy/held-policy.ts'
import type { PeerTable } from '../peers/peer-table.ts'

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

  constructor(policy: HeldPolicy, table: PeerTable) {
    policy.watch(() => this.review())
    table.watch(() => this.review())
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
