import { append } from '@powernode/events'
import { grantRevoked, type Cause } from '../../events.ts'
import { revoke, type Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as peers from '../../store/peers.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A peer is over: every grant it holds ends with it, and it will be given no other.
 *
 * All in one transaction under the peer's lock, so that no grant is issued between the last one revoked and the end.
 * Heard by audit-ledger.
 */
export async function revokeGrantsOf(
  tx: GrantTx,
  now: Date,
  { peerId, reason, cause }: { peerId: string; reason: string; cause: Cause },
): Promise<readonly Grant[]> {
  await peers.lock(tx, peerId)
  await peers.markRevoked(tx, peerId, now)

  const held = await grants.unrevokedOf(tx, peerId)
  const revoked = held.map((grant) => revoke(grant, now, reason))
  for (const [at, before] of held.entries()) {
    const after = revoked[at] ?? before
    await grants.saveRevoked(tx, before, after)
    await append(tx, grantRevoked(after, now, cause))
  }
  return revoked
}
