import { append } from '@powernode/events'
import { grantChanged, type Cause } from '../../events.ts'
import { mustHaveRevision } from '../../grant-refusals.ts'
import { update, type Changes, type Grant } from '../../grant.ts'
import * as grants from '../../store/grants.ts'
import * as notices from '../../store/notices.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A grant gets other scopes or axes, under the same bearer: its holder need not be handed another.
 *
 * What changes nothing announces nothing. Heard by audit-ledger, and told to the holder.
 */
export async function updateGrant(
  tx: GrantTx,
  now: Date,
  said: { grantId: string; changes: Changes; ifRevision: number; cause: Cause },
): Promise<{ readonly grant: Grant; readonly changed: readonly string[] }> {
  const { grantId, changes, ifRevision, cause } = said
  const before = await grants.lock(tx, grantId)
  mustHaveRevision(before, ifRevision)
  const { grant: after, changed } = update(before, { changes, at: now, limits: await settings.read(tx) })
  if (changed.length === 0) return { grant: before, changed }

  const grant = await grants.save(tx, before, after)
  await append(tx, grantChanged(grant, now, { ...cause, changed }))
  await notices.owe(tx, now, { grants: [grant], what: 'changed', cause })
  return { grant, changed }
}
