import type { Tx } from '@powernode/postgres'
import { peerMoved, type By } from '../events.ts'
import { move, type Peer } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { enrollIfDisclosed } from './enroll-if-disclosed.ts'

/** A suspended peer returns to the state it was suspended from; one that was active has to be heard first. */
export async function resumePeer(
  tx: Tx<Tables>,
  now: Date,
  { by, peerId, reason }: { by: By; peerId: string; reason: string },
): Promise<Peer> {
  const peer = await peers.lock(tx, peerId)
  const resumed = await peers.save(tx, peer, move(peer, 'resume', reason || `resumed by ${by.actor}`, now))
  await peerMoved(tx, by, { before: peer, after: resumed, move: 'resume' })
  return enrollIfDisclosed(tx, now, by, resumed)
}
