import {
  afterNews,
  withFacts,
  type FederationFacts,
  type FederationPeer,
  type FederationState,
} from '../federation-peer.ts'
import * as peers from '../store/federation-peers.ts'
import * as overlays from '../store/overlays.ts'
import type { SdwanTx } from '../store/tables.ts'
import { changingRoads, settleCrossings } from './settle-crossings.ts'

/**
 * News of a peer: it is to be looked at. What can only take away is believed at once: with the news that a peering was
 * suspended or revoked its road is gone, in one transaction.
 */
export async function noteNews(
  tx: SdwanTx,
  now: Date,
  news: { readonly peerId: string; readonly state: FederationState; readonly revision: number },
): Promise<void> {
  const known = (await peers.list(tx, [news.peerId])).get(news.peerId)
  if (!known) return
  if (afterNews(known, news) !== known)
    await changingRoads(tx, async () => keep(tx, now, afterNews(await peers.hold(tx, now, known.id), news)))
  await peers.ring(tx, now, known.id)
}

/**
 * The peer is as peer-registry shows it. Whenever that changes it is told of our end at once: one that is
 * back hears of it, and one that does not listen to us any more says so.
 */
export async function settlePeer(tx: SdwanTx, now: Date, facts: FederationFacts): Promise<void> {
  await changingRoads(tx, async () => {
    const before = await peers.hold(tx, now, facts.id)
    if (facts.state !== 'unknown' && facts.revision < before.revision) return false
    const after = withFacts(before, facts, now)
    if (after.state !== before.state) await overlays.hasten(tx, now, after.id)
    return keep(tx, now, after)
  })
}

/** Of a peering that is over nothing is kept but that it was; its half of the key goes first. */
async function keep(tx: SdwanTx, now: Date, peer: FederationPeer): Promise<boolean> {
  await peers.save(tx, peer)
  if (peer.state === 'revoked') await overlays.forgetHeard(tx, peer.id)
  return settleCrossings(tx, now)
}
