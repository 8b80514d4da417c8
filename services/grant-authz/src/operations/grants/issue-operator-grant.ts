import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { grantIssued, type Cause } from '../../events.ts'
import { managedChildOperator, type Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as peers from '../../store/peers.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A managed child enrolled: its parent's operators are given what they need to look after it.
 *
 * Exactly once for each peering, also when the news comes again after the grant was revoked, and never when the peer is
 * already over. Grant and news share one transaction. Heard by audit-ledger.
 */
export async function issueOperatorGrant(
  tx: GrantTx,
  now: Date,
  { peerId, cause }: { peerId: string; cause: Cause },
): Promise<Grant | undefined> {
  const peer = await peers.lock(tx, peerId)
  if (peer.revokedAt || peer.operatorGrantId) return undefined

  const grant = managedChildOperator({ id: newId(now), peerId, at: now })
  await grants.add(tx, grant)
  await peers.noteOperatorGrant(tx, peerId, grant.id)
  await append(tx, grantIssued(grant, now, cause))
  return grant
}
