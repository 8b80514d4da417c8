import { appendAll } from '@powernode/events'
import { BY_ITSELF, grantArchived } from '../../events.ts'
import { KEPT_MS } from '../../grant.ts'
import * as sweeps from '../../store/grant-sweeps.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Grants that are over for ninety days, revoked or expired, are told of no more. Heard by audit-ledger. */
export async function archiveGrants(tx: GrantTx, now: Date, limit: number): Promise<number> {
  const endedBefore = new Date(now.getTime() - KEPT_MS)
  const archived = await sweeps.archive(tx, now, { endedBefore, limit })
  await appendAll(
    tx,
    archived.map((grant) => grantArchived(grant, now, BY_ITSELF)),
  )
  return archived.length
}
