import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** Why a log waits: the words that its hold gives, which this part of the ledger goes by. */
export const IN_DOUBT = 'the database was started anew: the peer is asked what it has seen of this log'
export const LOST = 'entries that we had signed are missing: they are fetched from the mirror of the peer'
export const APART = 'it has grown apart from what we signed and the peer has seen: fedctl audit alarms'

/** Rings for whoever recovers: the payload is the log's name. */
export const DOUBT_CHANNEL = 'audit_ledger_doubt'

export type HeldLog = { readonly logId: number; readonly peerId: string; readonly reason: string; readonly since: Date }

/** Whether the database server was started, or its tables were restored, since we last looked, as far as this database remembers. */
export async function isStartedAnew(tx: LedgerTx): Promise<boolean> {
  const { rows } = await sql<{ known: boolean }>`
    select exists (
      select from database_start
      where started_at = pg_postmaster_start_time() and entry_table = 'audit_ledger.entry'::regclass
    ) as known`.execute(tx)
  return rows[0]?.known !== true
}

/** Notes that this start of the server was looked into. */
export async function noteStart(tx: LedgerTx, now: Date): Promise<void> {
  await sql`
    insert into database_start (started_at, entry_table, noticed_at)
    values (pg_postmaster_start_time(), 'audit_ledger.entry'::regclass, ${now})
    on conflict do nothing`.execute(tx)
}

/** A page of peers' logs that take entries, by name. */
export async function takingEntries(
  tx: LedgerTx,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select name from log
    where name <> 'platform' and name > ${after}
      and not coalesce((select held from hold where log_id = log.id order by id desc limit 1), false)
    order by name limit ${limit}`.execute(tx)
  return rows.map(({ name }) => name)
}

/** Peers' logs on hold for one of these reasons, those that wait longest first. */
export async function waiting(tx: LedgerTx, reasons: readonly string[]): Promise<readonly HeldLog[]> {
  const { rows } = await sql<HeldLog>`
    select log.id as "logId", log.name as "peerId", newest.reason, newest.at as since
    from (select distinct on (log_id) log_id, held, reason, at from hold order by log_id, id desc) newest
    join log on log.id = newest.log_id
    where newest.held and newest.reason = any (${reasons}::text[])
    order by newest.at, log.id`.execute(tx)
  return rows
}

/** Asks whoever recovers to look into a log, once this is committed. */
export async function ringDoubt(tx: LedgerTx, peerId: string): Promise<void> {
  await sql`select pg_notify(${DOUBT_CHANNEL}, ${peerId})`.execute(tx)
}

/** Recovery from a peer that answers takes seconds; whoever still waits after this waits for people. */
const SOON_MS = 30_000

/** Whether a log that is on hold will likely go on by itself in a moment. */
export async function endsSoon(tx: LedgerTx, name: string, now: Date): Promise<boolean> {
  const since = new Date(now.getTime() - SOON_MS)
  const { rows } = await sql<{ soon: boolean }>`
    select came_back() or coalesce((
      select held and at > ${since} and reason = any (${[IN_DOUBT, LOST]}::text[])
      from hold where log_id = (select id from log where name = ${name}) order by id desc limit 1
    ), false) as soon`.execute(tx)
  return rows[0]?.soon === true
}
