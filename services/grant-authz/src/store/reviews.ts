import { sql } from 'kysely'
import type { Review } from '../review.ts'
import type { GrantTx } from './tables.ts'

/** Where the reconciler listens. */
export const REVIEWS_CHANNEL = 'grant_authz_reviews'

/** Notes that a peer is to be looked at, now. One that is being looked at will be again. */
export async function ring(
  tx: GrantTx,
  now: Date,
  { peerId, correlationId, traceparent }: Pick<Review, 'peerId' | 'correlationId' | 'traceparent'>,
): Promise<void> {
  const row = { due_at: now, attempts: 0, correlation_id: correlationId, traceparent }
  await tx
    .insertInto('peer_review')
    .values({ peer_id: peerId, ...row })
    .onConflict((on) => on.column('peer_id').doUpdateSet({ ...row, rings: sql`peer_review.rings + 1` }))
    .execute()
  await sql`select pg_notify(${REVIEWS_CHANNEL}, '')`.execute(tx)
}

/**
 * Notes up to `limit` peers that were not looked at since before a moment, the longest ago first, but leaves alone what is
 * noted already. Returns how many are new.
 */
export async function ringForKnown(
  tx: GrantTx,
  now: Date,
  { reviewedBefore, limit }: { reviewedBefore: Date; limit: number },
): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    insert into peer_review (peer_id, due_at, correlation_id, traceparent)
    select id, ${now}::timestamptz, '', '' from peer
    where revoked_at is null and (reviewed_at is null or reviewed_at <= ${reviewedBefore})
    order by reviewed_at nulls first limit ${limit}
    on conflict (peer_id) do nothing`.execute(tx)
  if (numAffectedRows > 0n) await sql`select pg_notify(${REVIEWS_CHANNEL}, '')`.execute(tx)
  return Number(numAffectedRows)
}

/** Takes up to `limit` due reviews, the longest due first, so that no other replica does before `until`. */
export async function claimDue(
  tx: GrantTx,
  now: Date,
  { until, limit }: { until: Date; limit: number },
): Promise<Review[]> {
  return tx
    .updateTable('peer_review')
    .set({ due_at: until })
    .where(
      sql<boolean>`peer_id in (select peer_id from peer_review where due_at <= ${now}
        order by due_at limit ${limit} for update skip locked)`,
    )
    .returning(['peer_id as peerId', 'attempts', 'rings', 'correlation_id as correlationId', 'traceparent'])
    .execute()
}

/** When the next one is due. */
export async function nextDueAt(tx: GrantTx): Promise<Date | undefined> {
  const row = await tx.selectFrom('peer_review').select('due_at').orderBy('due_at').limit(1).executeTakeFirst()
  return row?.due_at
}

/** The review is done, unless somebody rang meanwhile. */
export async function drop(tx: GrantTx, { peerId, rings }: Review): Promise<void> {
  await tx.deleteFrom('peer_review').where('peer_id', '=', peerId).where('rings', '=', rings).execute()
}

/** The review is tried again at `at`, unless somebody rang meanwhile: then at once. */
export async function postpone(tx: GrantTx, { peerId, rings, attempts }: Review, at: Date): Promise<void> {
  await tx
    .updateTable('peer_review')
    .set({ due_at: at, attempts: attempts + 1 })
    .where('peer_id', '=', peerId)
    .where('rings', '=', rings)
    .execute()
}
