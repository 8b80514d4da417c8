import type { Tx } from '@powernode/postgres'
import { peerMoved, type By } from '../events.ts'
import { move, type Peer } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** A peer is set aside: from the moment this commits the gateway refuses it, both ways, until it is resumed. */
export async function suspendPeer(
  tx: Tx<Tables>,
  now: Date,
  { by, peerId, reason }: { by: By; peerId: string; reason: string },
): Promise<Peer> {
  const peer = await peers.lock(tx, peerId)
  const suspended = await peers.save(tx, peer, move(peer, 'suspend', reason || `suspended by ${by.actor}`, now))
  await peerMoved(tx, by, { before: peer, after: suspended, move: 'suspend' })
  return suspended
}
