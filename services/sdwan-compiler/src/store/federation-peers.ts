import { sql } from 'kysely'
import type { FederationPeer } from '../federation-peer.ts'
import type { SdwanTx } from './tables.ts'

/** Where those listen who look at peers and tell them of our ends. */
export const CROSSINGS_CHANNEL = 'sdwan_compiler_crossings'

const COLUMNS = [
  'id', 'name', 'platform_id as platformId', 'state', 'revision', 'prefix_advertisement as prefixAdvertisement',
  'degraded_since as degradedSince',
] as const // prettier-ignore

/** The peer, held until the transaction ends; made unknown, and due to be looked at, if we never heard of it. */
export async function hold(tx: SdwanTx, now: Date, id: string): Promise<FederationPeer> {
  const { numInsertedOrUpdatedRows = 0n } = await tx
    .insertInto('federation_peer')
    .values({
      id,
      name: '',
      platform_id: '',
      state: 'unknown',
      revision: 0,
      prefix_advertisement: '',
      degraded_since: null,
      due_at: now,
    }) // prettier-ignore
    .onConflict((on) => on.column('id').doNothing())
    .executeTakeFirst()
  if (numInsertedOrUpdatedRows > 0n) await wake(tx)
  const row = await tx
    .selectFrom('federation_peer')
    .select(COLUMNS)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
  return row
}

export async function list(tx: SdwanTx, ids: readonly string[]): Promise<ReadonlyMap<string, FederationPeer>> {
  if (ids.length === 0) return new Map()
  const rows = await tx.selectFrom('federation_peer').select(COLUMNS).where('id', 'in', ids).execute()
  return new Map(rows.map((row) => [row.id, row]))
}

export async function save(tx: SdwanTx, peer: FederationPeer): Promise<void> {
  await tx
    .updateTable('federation_peer')
    .set({
      name: peer.name,
      platform_id: peer.platformId,
      state: peer.state,
      revision: peer.revision,
      prefix_advertisement: peer.prefixAdvertisement,
      degraded_since: peer.degradedSince,
    })
    .where('id', '=', peer.id)
    .execute()
}

/** Notes that there is something to see of a peer, if we have to do with it. */
export async function ring(tx: SdwanTx, now: Date, id: string): Promise<void> {
  const { numUpdatedRows } = await tx
    .updateTable('federation_peer')
    .set({ due_at: now, attempts: 0, rings: sql`rings + 1` })
    .where('id', '=', id)
    .executeTakeFirst()
  if (numUpdatedRows > 0n) await wake(tx)
}

export async function wake(tx: SdwanTx): Promise<void> {
  await sql`select pg_notify(${CROSSINGS_CHANNEL}, '')`.execute(tx)
}

/** A peer that is to be looked at. */
export type Look = { readonly peerId: string; readonly rings: number; readonly attempts: number }

/** Takes up to `limit` peers that are due, so that no other replica looks at them before `until`. */
export async function claimDue(
  tx: SdwanTx,
  now: Date,
  { until, limit }: { readonly until: Date; readonly limit: number },
): Promise<Look[]> {
  return tx
    .updateTable('federation_peer')
    .set({ due_at: until })
    .where(
      sql<boolean>`id in (select id from federation_peer where due_at <= ${now}
        order by due_at limit ${limit} for update skip locked)`,
    )
    .returning(['id as peerId', 'rings', 'attempts'])
    .execute()
}

export async function nextDueAt(tx: SdwanTx): Promise<Date | undefined> {
  const row = await tx.selectFrom('federation_peer').select('due_at').orderBy('due_at').limit(1).executeTakeFirst()
  return row?.due_at
}

/** It was looked at, or could not be: it is again at `at`, or at once when somebody rang meanwhile. */
export async function postpone(
  tx: SdwanTx,
  { peerId, rings }: Look,
  next: { readonly at: Date; readonly attempts: number },
): Promise<void> {
  await tx
    .updateTable('federation_peer')
    .set({ due_at: next.at, attempts: next.attempts })
    .where('id', '=', peerId)
    .where('rings', '=', rings)
    .execute()
}
