import { appendAll } from '@powernode/events'
import { grantRevoked, type Cause } from '../../events.ts'
import { reasonOf, type Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * Grants end, up to `limit` of those that are meant: all that are, when fewer come back.
 *
 * For good. One that is revoked already is left as it is, so whose answer was lost may ask again. Heard by audit-ledger,
 * and told to the holders.
 */
export async function revokeGrants(
  tx: GrantTx,
  now: Date,
  { chosen, limit, reason, cause }: { chosen: grants.Chosen; limit: number; reason: string; cause: Cause },
): Promise<readonly Grant[]> {
  const ids = await grants.lockUnrevoked(tx, chosen, limit)
  const revoked = await grants.revoke(tx, ids, { at: now, by: cause.actor, reason: reasonOf(reason) })
  await appendAll(
    tx,
    revoked.map((grant) => grantRevoked(grant, now, cause)),
  )
  await notices.owe(tx, now, { grants: revoked, what: 'revoked', cause })
  return revoked
}
