import { CALL_REFUSED, CALL_SENT, sentEntryId } from '@powernode/ledger'
import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** Which calls: empty strings mean any. `before`: those older than the last one of the page before. */
export type Filter = {
  readonly peerId: string
  readonly direction: string
  readonly refusedOnly: boolean
  readonly since: Date
  readonly until: Date | undefined
  readonly before: { readonly at: Date; readonly id: string } | undefined
}

/** A call as it stands in the ledger: the payload is the decision about it. */
export type Call = {
  readonly log: string
  readonly sequence: number
  readonly id: string
  readonly at: Date
  readonly body: string
}

const COLUMNS = sql`log.name as log, entry.sequence, entry.id, entry.at, payload.body`
/** What ran out, or was erased, is no longer known here. */
const FROM = sql`
  entry join payload on payload.log_id = entry.log_id and payload.sequence = entry.sequence
  join log on log.id = entry.log_id`

/**
 * The call of this id: ours, or the one the other side gave to it. What came of it, and as long as that is not on record,
 * that it left.
 */
export async function find(tx: LedgerTx, id: string): Promise<Call | undefined> {
  const { rows } = await sql<Call>`
    select ${COLUMNS} from ${FROM} where entry.id = ${id} and entry.direction is not null
    union all
    select ${COLUMNS} from ${FROM} where entry.remote_id = ${id} and entry.id <> ${id} and entry.direction is not null
    union all
    select ${COLUMNS} from ${FROM} where entry.id = ${sentEntryId(id)} and entry.action = ${CALL_SENT}
    limit 1`.execute(tx)
  return rows[0]
}

/** What came of a call that left: its entry has the id of the decision, a UUIDv7 (`sentEntryId`). */
const OUTCOME = sql`select from entry outcome where outcome.id = overlay(entry.id::text placing '7' from 15)::uuid`

/** The newest first; a call once, whether or not what came of it is there. Keyset paging over (at, id), so that what comes in meanwhile moves no page. */
export async function list(tx: LedgerTx, filter: Filter, limit: number): Promise<readonly Call[]> {
  const { peerId, direction, refusedOnly, since, until, before } = filter
  const conditions = [
    sql<boolean>`entry.direction is not null and entry.at >= ${since}`,
    sql<boolean>`(entry.action <> ${CALL_SENT} or not exists (${OUTCOME}))`,
    ...(until ? [sql<boolean>`entry.at < ${until}`] : []),
    ...(peerId ? [sql<boolean>`entry.log_id = (select id from log where name = ${peerId})`] : []),
    ...(direction ? [sql<boolean>`entry.direction = ${direction}`] : []),
    ...(refusedOnly ? [sql<boolean>`entry.action = ${CALL_REFUSED}`] : []),
    ...(before ? [sql<boolean>`(entry.at, entry.id) < (${before.at}, ${before.id})`] : []),
  ]
  const { rows } = await sql<Call>`
    select ${COLUMNS} from ${FROM}
    where ${sql.join(conditions, sql` and `)}
    order by entry.at desc, entry.id desc
    limit ${limit}`.execute(tx)
  return rows
}
