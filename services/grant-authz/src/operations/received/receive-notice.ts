import { Refusal } from '@powernode/rpc'
import { mirror, type Notice } from '../../received-grant.ts'
import * as peers from '../../store/peers.ts'
import * as received from '../../store/received-grants.ts'
import type { GrantTx } from '../../store/tables.ts'
import { peerIsOver } from '../grants/create-grant.ts'

/** What one peer can have us keep: without a limit it could fill our database. */
const MOST = 10_000

/**
 * A peer says what became of a grant that it gave to us: our copy of it follows.
 *
 * Under the peer's lock, so that notices of one peer are taken one after another. One that is older than what we hold
 * says nothing.
 */
export async function receiveNotice(tx: GrantTx, now: Date, notice: Notice): Promise<void> {
  const peer = await peers.lock(tx, notice.peerId)
  if (peer.revokedAt) throw peerIsOver(peer.id)
  const before = await received.find(tx, notice.peerId, notice.grantId)
  const after = mirror(before, notice, now)
  if (!after) return
  if (!before && (await received.countOf(tx, peer.id, MOST)) >= MOST)
    throw new Refusal('RATE_LIMITED', `no more than ${MOST} grants of one peer are kept here`, {
      metadata: { peer_id: peer.id },
    })
  await received.put(tx, after)
}
