import { append } from '@powernode/events'
import { grantRenewed, type Cause } from '../../events.ts'
import { renew, type Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A grant ends later, under the same bearer; for as long again as it was issued for, unless said otherwise.
 *
 * Only one that lives: what has expired or was revoked is issued anew, with another secret. Of a renewal and a
 * revocation at once, the revocation stands, in whichever order they come. Heard by audit-ledger, and told to the holder.
 */
export async function renewGrant(
  tx: GrantTx,
  now: Date,
  { grantId, ttlMs, cause }: { grantId: string; ttlMs: number | undefined; cause: Cause },
): Promise<Grant> {
  const before = await grants.lock(tx, grantId)
  const limits = await settings.read(tx)
  // What was issued for longer than is allowed now is renewed for what is.
  const usual = Math.min(before.ttlMs, limits.longestTtlMs)
  const after = renew(before, { ttlMs: ttlMs ?? usual, at: now, limits })
  const grant = await grants.save(tx, before, after)
  await append(tx, grantRenewed(grant, now, cause))
  await notices.owe(tx, now, { grants: [grant], what: 'renewed', cause })
  return grant
}
