import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { BEATEN } from '../announcement.ts'
import type { PeerFeed } from '../feed/peer-feed.ts'
import type { Freshness } from '../freshness.ts'
import * as freshness from '../store/freshness.ts'
import * as nudges from '../store/nudges.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly feed: PeerFeed }

const LOOK_EVERY_MS = 50
/** A doorbell can be missed: rung again after this long. */
const RING_EVERY_MS = 1_000

/**
 * Has a peer beaten now, by whichever replica beats, and waits for what comes of it.
 *
 * Asks by notification and reads the row, because only the replica that beats knows our sequence: a beat sent from
 * here would look to the peer like a second platform.
 */
export async function beatPeer({ db, clock, feed }: Deps, peerId: string, signal: AbortSignal): Promise<Freshness> {
  const peer = feed.peers.get(peerId)
  if (!peer) throw new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId}`, { next: 'fedctl peer list' })
  if (!BEATEN.includes(peer.state)) {
    throw new Refusal('PEER_NOT_ENROLLED', `a peer that is ${peer.state} is not beaten`, {
      metadata: { state: peer.state },
      next: `fedctl peer show ${peerId}`,
    })
  }
  const askedAt = clock.now()
  for (let waitedMs = 0; !signal.aborted; waitedMs += LOOK_EVERY_MS) {
    if (waitedMs % RING_EVERY_MS === 0) await inTransaction(db, (tx) => nudges.beatNow(tx, peerId))
    await clock.sleep(LOOK_EVERY_MS, signal)
    const known = (await inTransaction(db, (tx) => freshness.find(tx, [peerId]))).get(peerId)
    if (known && hasBeatenSince(known, askedAt)) return known
  }
  throw new Refusal('DEADLINE_EXCEEDED', 'nobody beats at the moment, or the peer takes longer to answer than you wait')
}

/** A beat sent since then was answered or has failed. */
const hasBeatenSince = ({ lastHeardByThemAt, lastErrorAt }: Freshness, at: Date): boolean =>
  (lastHeardByThemAt !== null && lastHeardByThemAt >= at) || (lastErrorAt !== null && lastErrorAt >= at)
