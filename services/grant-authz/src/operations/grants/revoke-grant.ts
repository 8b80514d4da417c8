import type { Cause } from '../../events.ts'
import { grantNotFound } from '../../grant-refusals.ts'
import type { Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import type { GrantTx } from '../../store/tables.ts'
import { revokeGrants } from './revoke-grants.ts'

/** One grant ends, for good. Of one that is over already, this is how it stands. */
export async function revokeGrant(
  tx: GrantTx,
  now: Date,
  { grantId, reason, cause }: { grantId: string; reason: string; cause: Cause },
): Promise<Grant> {
  const [revoked] = await revokeGrants(tx, now, { chosen: { grantId }, limit: 1, reason, cause })
  const grant = revoked ?? (await grants.find(tx, grantId))
  if (!grant) throw grantNotFound(grantId)
  return grant
}
