import { sql } from 'kysely'
import type { Grant } from '../grant.ts'
import { GRANT } from './grants.ts'
import type { GrantTx } from './tables.ts'

/** Notes of up to `limit` grants that their end has come, so that another may be issued in their place. */
export async function closeExpired(tx: GrantTx, now: Date, limit: number): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('federation_grant')
    .set({ ended_at: sql<Date>`expires_at` })
    .where(
      sql<boolean>`id in (select id from federation_grant where ended_at is null and expires_at <= ${now}
        order by expires_at limit ${limit} for update skip locked)`,
    )
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** Notes it of one, whose row the caller holds. */
export async function close(tx: GrantTx, { id, expiresAt }: Grant): Promise<void> {
  await tx
    .updateTable('federation_grant')
    .set({ ended_at: expiresAt })
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .execute()
}

/**
 * Marks up to `limit` grants that end soon as reminded of, and answers with them.
 *
 * Soon is `remindBeforeMs` before the end, but never more than a quarter of what the grant was issued for: a grant for an
 * hour is not announced to end as soon as it begins.
 */
export async function remind(
  tx: GrantTx,
  now: Date,
  { remindBeforeMs, limit }: { remindBeforeMs: number; limit: number },
): Promise<Grant[]> {
  const latest = new Date(now.getTime() + remindBeforeMs)
  return tx
    .updateTable('federation_grant')
    .set({ reminded_at: now })
    .where(
      sql<boolean>`id in (select id from federation_grant
        where ended_at is null and reminded_at is null and expires_at > ${now} and expires_at <= ${latest}
          and expires_at - make_interval(secs => ttl_ms / 4000.0) <= ${now}
        order by expires_at limit ${limit} for update skip locked)`,
    )
    .returning(GRANT)
    .execute()
}

/** Archives up to `limit` grants that are over since before a moment, and answers with them. */
export async function archive(
  tx: GrantTx,
  now: Date,
  { endedBefore, limit }: { endedBefore: Date; limit: number },
): Promise<Grant[]> {
  return tx
    .updateTable('federation_grant')
    .set({ archived_at: now, last_changed_at: now })
    .where(
      sql<boolean>`id in (select id from federation_grant
        where ended_at is not null and archived_at is null and ended_at <= ${endedBefore}
        order by ended_at limit ${limit} for update skip locked)`,
    )
    .returning(GRANT)
    .execute()
}

/** When a grant, with its bearer, had arrived at the peer's platform. */
export async function noteDelivered(tx: GrantTx, id: string, now: Date): Promise<void> {
  await tx.updateTable('federation_grant').set({ delivered_at: now }).where('id', '=', id).execute()
}

export type GrantFigures = { readonly active: number; readonly nextExpiry: Date | null }

/** How many grants are live, and when the next of them ends. */
export async function figures(tx: GrantTx, now: Date): Promise<GrantFigures> {
  return tx
    .selectFrom('federation_grant')
    .select(({ fn }) => [fn.countAll<number>().as('active'), fn.min('expires_at').as('nextExpiry')])
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow()
}
