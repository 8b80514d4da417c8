import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** A log that has signed entries which its peer is not known to hold. */
export type Behind = { readonly logId: number; readonly peerId: string }

export type Wanted = {
  readonly limit: number
  /** Not these. */
  readonly busy: readonly number[]
  /** Only these; undefined: any. */
  readonly among: readonly number[] | undefined
}

/**
 * Logs that are due to be shipped, those that have waited longest first: a peer that has always more to take, and takes it
 * slowly, has its turn and goes to the end. Never the platform's own, which concerns no peer.
 */
export async function due(tx: LedgerTx, now: Date, { limit, busy, among }: Wanted): Promise<readonly Behind[]> {
  const which = among ? sql`log.id = any (${among}::int[])` : sql`true`
  const { rows } = await sql<Behind>`
    select log.id as "logId", log.name as "peerId" from log
    cross join lateral (select size from checkpoint where log_id = log.id order by size desc limit 1) signed
    left join shipment on shipment.log_id = log.id
    where log.name <> 'platform' and ${which} and not log.id = any (${busy}::int[])
      and signed.size > coalesce(shipment.size, 0) and coalesce(shipment.next_at <= ${now}, true)
    order by shipment.next_at nulls first, log.id
    limit ${limit}`.execute(tx)
  return rows
}

/** How many entries of a log its peer is known to hold. */
export async function sizeOf(tx: LedgerTx, logId: number): Promise<number> {
  const { rows } = await sql<{ size: number }>`select size from shipment where log_id = ${logId}`.execute(tx)
  return rows[0]?.size ?? 0
}

/** The same of many logs; those that nothing was shipped of are left out. */
export async function sizesOf(tx: LedgerTx, logIds: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql<{ logId: number; size: number }>`
    select log_id as "logId", size from shipment where log_id = any (${logIds}::int[])`.execute(tx)
  return new Map(rows.map(({ logId, size }) => [logId, size]))
}

/** The peer has said how many entries it holds. */
export async function arrived(
  tx: LedgerTx,
  now: Date,
  { logId, size }: { readonly logId: number; readonly size: number },
): Promise<void> {
  await sql`
    insert into shipment (log_id, size, next_at) values (${logId}, ${size}, ${now})
    on conflict (log_id) do update set size = excluded.size, attempts = 0, error = '', next_at = excluded.next_at`.execute(
    tx,
  )
}

/** It could not be shipped; returns how often in a row. */
export async function failed(
  tx: LedgerTx,
  { logId, nextAt, error }: { readonly logId: number; readonly nextAt: Date; readonly error: string },
): Promise<void> {
  await sql`
    insert into shipment (log_id, next_at, attempts, error) values (${logId}, ${nextAt}, 1, ${error})
    on conflict (log_id) do update
      set attempts = shipment.attempts + 1, next_at = excluded.next_at, error = excluded.error`.execute(tx)
}

export async function attemptsOf(tx: LedgerTx, logId: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select attempts as n from shipment where log_id = ${logId}`.execute(tx)
  return rows[0]?.n ?? 0
}

export type Lag = {
  /** Logs of which the peer lacks something that is signed. */
  readonly logs: number
  readonly entries: number
  /** Since when the first such entry of all of them stands. */
  readonly since: Date | null
}

/** How far all mirrors together are behind what we have signed. */
export async function lag(tx: LedgerTx): Promise<Lag> {
  const { rows } = await sql<Lag>`
    select count(*) as logs, coalesce(sum(signed.size - held.size), 0)::bigint as entries, min(e.at) as since
    from log
    cross join lateral (select size from checkpoint where log_id = log.id order by size desc limit 1) signed
    left join shipment on shipment.log_id = log.id
    cross join lateral (select coalesce(shipment.size, 0) as size) held
    left join entry e on e.log_id = log.id and e.sequence = held.size
    where log.name <> 'platform' and signed.size > held.size`.execute(tx)
  return rows[0] ?? { logs: 0, entries: 0, since: null }
}
