import { append, appendAll } from '@powernode/events'
import { move } from '../../bridge.ts'
import { bridgeMoved, grantRevoked, type Cause } from '../../events.ts'
import { reasonOf, type Grant } from '../../grant.ts'
import { endCascade } from '../approvals/cascade-policies.ts'
import * as bridges from '../../store/bridges.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as peers from '../../store/peers.ts'
import * as received from '../../store/received-grants.ts'
import type { GrantTx } from '../../store/tables.ts'

/** More than any peer holds: the end of a peer leaves none behind. */
const ALL = 1_000_000

/**
 * A peer is over: every grant it holds and every bridge ends with it, and it will be given no other.
 *
 * What was ours to decide before it was our parent is so again. All in one transaction under the peer's lock, so that no grant is issued between the last one revoked and the end.
 * Nobody is left to be told, and no bearer of either side is kept. Heard by audit-ledger.
 */
export async function endPeer(
  tx: GrantTx,
  now: Date,
  { peerId, reason, cause }: { peerId: string; reason: string; cause: Cause },
): Promise<readonly Grant[]> {
  await peers.lock(tx, peerId)
  await peers.markRevoked(tx, peerId, now)

  const ids = await grants.lockUnrevoked(tx, { peerId }, ALL)
  const held = await bridges.lockUnrevokedOf(tx, peerId)
  const revoked = await grants.revoke(tx, ids, { at: now, by: cause.actor, reason: reasonOf(reason) })
  await appendAll(
    tx,
    revoked.map((grant) => grantRevoked(grant, now, cause)),
  )
  for (const bridge of held) {
    const after = await bridges.save(tx, bridge, move(bridge, { move: 'revoke', at: now, reason }))
    await append(tx, bridgeMoved(after, now, { ...cause, previous: bridge.state }))
  }
  await notices.dropOf(tx, peerId)
  await received.wipeOf(tx, peerId)
  await endCascade(tx, now, { peerId, cause })
  return revoked
}
