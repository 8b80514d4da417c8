import { sql } from 'kysely'
import type { NoticeWord, OwedNotice } from '../notice.ts'
import type { GrantTx } from './tables.ts'

/** Where the one who tells listens. */
export const NOTICES_CHANNEL = 'grant_authz_notices'

type Cause = { readonly correlationId: string; readonly traceparent: string }
type About = { readonly id: string; readonly peerId: string }

/** Notes that a grant was issued and is to be handed over, with the bearer that must arrive with it. */
export async function oweBearer(
  tx: GrantTx,
  now: Date,
  { grant, sealedBearer, cause }: { grant: About; sealedBearer: Buffer; cause: Cause },
): Promise<void> {
  await tx
    .insertInto('grant_notice')
    .values({
      grant_id: grant.id,
      peer_id: grant.peerId,
      what: 'issued',
      sealed_bearer: sealedBearer,
      due_at: now,
      correlation_id: cause.correlationId,
      traceparent: cause.traceparent,
    })
    .execute()
  await sql`select pg_notify(${NOTICES_CHANNEL}, '')`.execute(tx)
}

/**
 * Notes what became of grants, to be told to their holders.
 *
 * What was not told yet is told with it, because what is sent is read when it is sent. A bearer that has not arrived
 * stays on its way, unless the grant is revoked: then nobody needs it any more.
 */
export async function owe(
  tx: GrantTx,
  now: Date,
  { grants, what, cause }: { grants: readonly About[]; what: Exclude<NoticeWord, 'issued'>; cause: Cause },
): Promise<void> {
  if (grants.length === 0) return
  const [ids, peers] = [grants.map(({ id }) => id), grants.map(({ peerId }) => peerId)]
  await sql`
    insert into grant_notice (grant_id, peer_id, what, due_at, correlation_id, traceparent)
    select grant_id, peer_id, ${what}, ${now}::timestamptz, ${cause.correlationId}, ${cause.traceparent}
    from unnest(${ids}::uuid[], ${peers}::uuid[]) as said (grant_id, peer_id)
    on conflict (grant_id) do update set
      what = case when excluded.what <> 'revoked' and grant_notice.sealed_bearer is not null then 'issued' else excluded.what end,
      sealed_bearer = case when excluded.what <> 'revoked' then grant_notice.sealed_bearer end,
      due_at = excluded.due_at, attempts = 0, rings = grant_notice.rings + 1,
      correlation_id = excluded.correlation_id, traceparent = excluded.traceparent`.execute(tx)
  await sql`select pg_notify(${NOTICES_CHANNEL}, '')`.execute(tx)
}

const OWED = [
  'grant_id as grantId',
  'peer_id as peerId',
  'what',
  'sealed_bearer as sealedBearer',
  'attempts',
  'rings',
] as const

/**
 * Takes up to `limit` that are due, the longest due first, so that no other replica does before `until`; but none for a
 * peer that is `busy`.
 */
export async function claimDue(
  tx: GrantTx,
  now: Date,
  { until, limit, busy = [] }: { until: Date; limit: number; busy?: readonly string[] },
): Promise<OwedNotice[]> {
  return tx
    .updateTable('grant_notice')
    .set({ due_at: until })
    .where(
      sql<boolean>`grant_id in (select grant_id from grant_notice
        where due_at <= ${now} and peer_id <> all (${busy}::uuid[])
        order by due_at limit ${limit} for update skip locked)`,
    )
    .returning(OWED)
    .execute()
}

/** When the next one is due that is not for a busy peer. */
export async function nextDueAt(tx: GrantTx, busy: readonly string[] = []): Promise<Date | undefined> {
  const row = await tx
    .selectFrom('grant_notice')
    .select('due_at')
    .where(sql<boolean>`peer_id <> all (${busy}::uuid[])`)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/** Told. What was added meanwhile stays to be told; a bearer that was with it has arrived. */
export async function settle(tx: GrantTx, { grantId, rings, what }: OwedNotice): Promise<void> {
  await tx.deleteFrom('grant_notice').where('grant_id', '=', grantId).where('rings', '=', rings).execute()
  if (what !== 'issued') return
  await tx
    .updateTable('grant_notice')
    .set({ what: 'changed', sealed_bearer: null })
    .where('grant_id', '=', grantId)
    .where('what', '=', 'issued')
    .execute()
}

/** Tried again at `at`, unless something was added meanwhile: then at once. */
export async function postpone(
  tx: GrantTx,
  { grantId, rings, attempts }: OwedNotice,
  { at, error }: { at: Date; error: string },
): Promise<void> {
  await tx
    .updateTable('grant_notice')
    .set({ due_at: at, attempts: attempts + 1, last_error: error })
    .where('grant_id', '=', grantId)
    .where('rings', '=', rings)
    .execute()
}

/** The peer is over: nobody is left to be told, and no bearer is kept. */
export async function dropOf(tx: GrantTx, peerId: string): Promise<void> {
  await tx.deleteFrom('grant_notice').where('peer_id', '=', peerId).execute()
}
