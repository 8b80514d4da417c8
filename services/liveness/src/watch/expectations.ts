import type { PeerFeed } from '../feed/peer-feed.ts'
import type { WatchedPeer } from '../feed/watched-peer.ts'
import type { Expected } from '../operations/peers-to-observe.ts'
import { endsOf } from '../remediation/sense.ts'

/**
 * What only the feed tells of peers, for whoever leads: which changed, and since when one that was never heard should have been.
 *
 * Since when is handed on from leader to leader (`kept`, `unkept`): a platform whose liveness is started anew again and again MUST
 * name a peer that never beats all the same.
 */
export class Expectations {
  /** Since when each enrolled peer is expected to beat. */
  readonly since: Map<string, Date>
  readonly #feed: PeerFeed
  #changed: Set<string> | 'all' = 'all'
  #unkept = new Set<string>()

  // oxlint-disable-next-line max-params -- who tells of peers, what the leader before knew, and until when
  constructor(feed: PeerFeed, kept: ReadonlyMap<string, Date>, signal: AbortSignal) {
    this.#feed = feed
    this.since = new Map(kept)
    feed.subscribe((change) => {
      if (change === 'all') this.#changed = 'all'
      else if (this.#changed !== 'all') this.#changed.add(change.peerId)
    }, signal)
  }

  /** What there is to look at beyond what the database tells. What has changed is told once. */
  look(now: Date): Expected {
    const overdue = [...this.#feed.peers.values()].filter((peer) => this.#isOverdue(peer, now))
    for (const peerId of this.since.keys()) if (!this.#feed.peers.has(peerId)) this.#forget(peerId)
    const changed = this.#changed
    this.#changed = new Set()
    return {
      since: this.since,
      overdue: overdue.map(({ peerId }) => peerId),
      endingWithin: (ms) => this.#endingWithin(now, ms),
      changed: changed === 'all' ? 'all' : [...changed],
    }
  }

  /** What of it is not written down yet: since when peers are expected, and who is no more. */
  unkept(): { readonly since: ReadonlyMap<string, Date>; readonly gone: readonly string[] } {
    const since = new Map<string, Date>()
    for (const peerId of this.#unkept) {
      const from = this.since.get(peerId)
      if (from) since.set(peerId, from)
    }
    return { since, gone: [...this.#unkept].filter((peerId) => !since.has(peerId)) }
  }

  /** It is written down. */
  kept(): void {
    this.#unkept = new Set()
  }

  /** The look came to nothing: whoever had changed is to be looked at again. */
  again(): void {
    this.#changed = 'all'
  }

  /** Those of whom the sensor says so, and no others: whoever is looked at in vain takes the place of somebody else. */
  #endingWithin(now: Date, certWarningMs: number): ReturnType<Expected['endingWithin']> {
    const until = now.getTime() + certWarningMs
    const [expiring, expired]: [string[], string[]] = [[], []]
    for (const { peerId, state, certificates } of this.#feed.peers.values()) {
      if (state === 'revoked' || !certificates.some(({ notAfter }) => notAfter.getTime() <= until)) continue
      const ends = endsOf(certificates, now, { certWarningMs })
      if (ends.expiring) expiring.push(peerId)
      if (ends.expired) expired.push(peerId)
    }
    return { expiring, expired }
  }

  /** An enrolled peer is expected to beat from when we see it enrolled; any other from ever. */
  #isOverdue({ peerId, state, staleAfterMs }: WatchedPeer, now: Date): boolean {
    if (state !== 'enrolled') {
      this.#forget(peerId)
      return false
    }
    const since = this.since.get(peerId)
    if (!since || since > now) {
      this.since.set(peerId, now)
      this.#unkept.add(peerId)
    }
    return since !== undefined && now.getTime() - since.getTime() >= staleAfterMs
  }

  #forget(peerId: string): void {
    if (this.since.delete(peerId)) this.#unkept.add(peerId)
  }
}
