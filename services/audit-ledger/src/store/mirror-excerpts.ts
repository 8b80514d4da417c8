import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** What a peer may read of an entry of our log about it. */
export type Excerpt = {
  readonly sequence: number
  readonly leaf: Buffer
  /** Null: never disclosed, or erased. */
  readonly salt: Buffer | null
  readonly body: Buffer | null
}

export type Window = {
  readonly since: Date
  readonly until: Date
  readonly start: number
  /** The first that is not shown any more. */
  readonly end: number
  readonly limit: number
}

/** Entries of a log in a window of time, by sequence. */
export async function within(
  tx: LedgerTx,
  logId: number,
  { since, until, start, end, limit }: Window,
): Promise<readonly Excerpt[]> {
  const { rows } = await sql<Excerpt>`
    select entry.sequence, entry.leaf, payload.salt, convert_to(payload.body, 'UTF8') as body
    from entry
    left join payload on payload.log_id = entry.log_id and payload.sequence = entry.sequence and payload.disclosed
    where entry.log_id = ${logId} and entry.sequence >= ${start} and entry.sequence < ${end}
      and entry.at >= ${since} and entry.at < ${until}
    order by entry.sequence limit ${limit}`.execute(tx)
  return rows
}

/** Where the call of a peer stands that we decided under this id; undefined when its log has none. */
export async function callOf(tx: LedgerTx, logId: number, decisionId: string): Promise<number | undefined> {
  const row = await tx
    .selectFrom('entry')
    .select('sequence')
    .where('id', '=', decisionId)
    .where('log_id', '=', logId)
    .where('direction', '=', 'in')
    .executeTakeFirst()
  return row?.sequence
}
