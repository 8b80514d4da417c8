import { CALL_ALLOWED, CALL_SENT } from '@powernode/ledger'
import { sql, type RawBuilder } from 'kysely'
import type { ToldCall } from '../comparison.ts'
import type { LedgerTx } from './tables.ts'

export type Window = { readonly peerId: string; readonly since: Date; readonly until: Date }

const AT_ONCE = 5_000

/**
 * A string of a leaf as it stands there (escaped), so that NUL is no trouble. Canonical JSON escapes quotes within strings, so
 * what looks like a member is one. Most leaves escape nothing, and cutting costs a tenth of matching.
 */
const member = (name: string): RawBuilder<string> => {
  const opening = sql.lit(`"${name}":"`)
  return sql`nullif(case
    when position(${sql.lit('\\')} in text) = 0 then split_part(split_part(text, ${opening}, 2), '"', 1)
    else substring(text from ${sql.lit(`"${name}":"((?:[^"\\]|\\.)*)"`)})
  end, '')`
}

/**
 * A text of a call, for people to read. What a peer writes into its log may have 64 KiB each: a page of that would take all our
 * memory, and an event about it would be too large for ever to be sent. Two texts that differ still do.
 */
const clipped = (column: string): RawBuilder<string> => {
  const text = sql.ref(column)
  return sql`case when length(${text}) <= 256 then ${text}
    else left(${text}, 128) || '… sha256 ' || encode(sha256(convert_to(${text}, 'UTF8')), 'hex') end`
}

/** How a leaf of a call that left begins: `action` is the first member of canonical JSON. */
const SENT = Buffer.from(`{"action":"${CALL_SENT}"`)

const ours = ({ peerId, since, until }: Window) => sql`
  entry where log_id = (select id from log where name = ${peerId}) and direction is not null
    and at >= ${since}::timestamptz and at < ${until}::timestamptz`
const theirs = ({ peerId, since, until }: Window) => sql`
  mirror_entry where peer_id = ${peerId}::uuid and direction is not null
    and at >= ${since}::timestamptz and at < ${until}::timestamptz`

/** How many calls both logs tell of in a window. */
export async function count(tx: LedgerTx, window: Window): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select (select count(*) from ${ours(window)}) + (select count(*) from ${theirs(window)}) as n`.execute(tx)
  return rows[0]?.n ?? 0
}

/**
 * The calls of both logs in a window, sorted by content id, caller, side and sequence; a page at a time, so that memory
 * stays the same however many there are. Postgres sorts, on disk where it must. One statement, hence one moment of both.
 */
export async function* both(tx: LedgerTx, window: Window): AsyncGenerator<readonly ToldCall[]> {
  // A page is looked at between two fetches; sorting a million takes longer than what others may hold a lock for.
  await sql`set local work_mem = '64MB'; set local idle_in_transaction_session_timeout = '30s'`.execute(tx)
  await sql`
    declare calls no scroll cursor for
    select side, ${clipped('content_id')} as "contentId", caller, sequence, at, allowed, ${clipped('resource')} as resource from (
      select 'here' as side, ${member('content_id')} as content_id, case direction when 'out' then 'us' else 'them' end as caller,
        sequence, at, case when action <> ${CALL_SENT} then action = ${CALL_ALLOWED} end as allowed, ${member('resource')} as resource
      from (select direction, sequence, at, action, convert_from(leaf, 'UTF8') as text from ${ours(window)}) calls
      union all
      select 'there', content_id, case direction when 'out' then 'them' else 'us' end, sequence, at,
        case when substring(leaf from 1 for ${SENT.length}) <> ${SENT} then allowed end, resource
      from ${theirs(window)}
      offset 0 -- else members are cut out again for each time that they are mentioned
    ) told
    order by ${clipped('content_id')} collate "C", caller, side, sequence`.execute(tx)
  for (;;) {
    const { rows } = await sql<ToldCall>`fetch ${sql.lit(AT_ONCE)} from calls`.execute(tx)
    if (rows.length > 0) yield rows
    if (rows.length < AT_ONCE) return
  }
}

/** Up to which moment the mirror tells: that of its last entry. */
export async function toldUntil(tx: LedgerTx, peerId: string): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date }>`
    select at from mirror_entry where peer_id = ${peerId} order by sequence desc limit 1`.execute(tx)
  return rows[0]?.at
}

/** The earliest moment of the calls that a peer has told of since its log was compared last. */
export async function firstToldSinceCompared(tx: LedgerTx, peerId: string): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select min(at) as at from mirror_entry
    where peer_id = ${peerId} and direction is not null and sequence >= coalesce((
      select size from mirror_head
      where peer_id = ${peerId} and at <= (select max(at) from reconciliation where peer_id = ${peerId})
      order by at desc, size desc limit 1), 0)`.execute(tx)
  return rows[0]?.at ?? undefined
}
