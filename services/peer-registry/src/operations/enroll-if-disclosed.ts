import type { Tx } from '@powernode/postgres'
import { peerMoved, type By } from '../events.ts'
import { missingDisclosure, move, type Peer } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** A peer that has disclosed who stands behind it goes on; any other stays accepted, and says what is missing. */
export async function enrollIfDisclosed(tx: Tx<Tables>, now: Date, by: By, peer: Peer): Promise<Peer> {
  if (peer.state !== 'accepted' || peer.kind !== 'platform' || missingDisclosure(peer.disclosure).length > 0)
    return peer
  const enrolled = await peers.save(tx, peer, move(peer, 'enroll', 'trust is exchanged; no heartbeat yet', now))
  await peerMoved(tx, by, { before: peer, after: enrolled, move: 'enroll' })
  return enrolled
}
