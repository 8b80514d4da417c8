import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Freshness } from '../freshness.ts'
import { GAP_TICKS } from '../remediation/listening.ts'
import { FRESHNESS, difference, fromRow, type Change } from './columns.ts'
import type { FreshnessRow, Tables } from './tables.ts'

/** What we know of these peers, locked in the order of their ids. A peer we have no row of is not in the answer. */
export async function lock(tx: Tx<Tables>, peerIds: readonly string[]): Promise<Map<string, Freshness>> {
  const { rows } = await sql<FreshnessRow>`
    select ${FRESHNESS} from freshness where peer_id = any(${peerIds}::uuid[]) order by peer_id for update`.execute(tx)
  return byPeer(rows)
}

/** As `lock`, without the lock: for those who only look. */
export async function find(tx: Tx<Tables>, peerIds: readonly string[]): Promise<Map<string, Freshness>> {
  const { rows } = await sql<FreshnessRow>`
    select ${FRESHNESS} from freshness where peer_id = any(${peerIds}::uuid[])`.execute(tx)
  return byPeer(rows)
}

/** One page in the order of ids, after `afterId`. Ids are handed out in no order of commit, and nobody follows a log here. */
export async function page(tx: Tx<Tables>, afterId: string, limit: number): Promise<readonly Freshness[]> {
  const { rows } = await sql<FreshnessRow>`
    select ${FRESHNESS} from freshness where peer_id > ${afterId}::uuid order by peer_id limit ${limit}`.execute(tx)
  return rows.map(fromRow)
}

/** Makes a row for peers of which nothing was heard yet; leaves those alone that have one. */
export async function add(tx: Tx<Tables>, rows: readonly Pick<Freshness, 'peerId' | 'staleAfterMs'>[]): Promise<void> {
  const [ids, staleAfterMs] = [rows.map(({ peerId }) => peerId), rows.map((row) => row.staleAfterMs)]
  await sql`
    insert into freshness (peer_id, stale_after_ms)
    select * from unnest(${ids}::uuid[], ${staleAfterMs}::integer[])
    on conflict do nothing`.execute(tx)
}

/** Writes what has changed of all these rows in one statement. The caller MUST hold their locks. */
export async function save(tx: Tx<Tables>, changes: readonly Change[]): Promise<void> {
  const rows = changes.filter(({ before, after }) => before !== after)
  const { names, arrays } = difference(rows)
  if (names.length < 2) return // the key alone: nothing differs
  const set = names.slice(1).map((name) => `${name} = v.${name}`)
  const { numAffectedRows } = await sql`
    update freshness f set ${sql.raw(set.join(', '))}
    from unnest(${arrays}) as v (${sql.raw(names.join(', '))})
    where f.peer_id = v.peer_id`.execute(tx)
  if (numAffectedRows !== BigInt(rows.length)) throw new Error('a peer we held the lock of has gone')
}

/**
 * Turns peers whose deadline has passed from heard to silent, earliest first, at most `limit`; returns them as they are now.
 * Only while we listen, and only those that had a whole stale limit of that: what we could not hear was not silence.
 *
 * One statement that reads only the index of deadlines, so its cost is that of the peers that fell silent and not of
 * those that did not. Rows somebody is writing at this moment are skipped: they are being heard, or come up next time.
 */
export async function silence(tx: Tx<Tables>, now: Date, limit: number): Promise<readonly Freshness[]> {
  const { rows } = await sql<FreshnessRow>`
    with due as (
      select peer_id from freshness f, listening l
      where f.announced = 'heard' and f.silent_at <= ${now}
        and l.since + f.stale_after_ms * interval '1 ms' <= ${now}
        and l.ticked_at > ${now}::timestamptz - l.tick_ms * ${GAP_TICKS}::integer * interval '1 ms'
        and l.ticked_at <= ${now}::timestamptz + l.tick_ms * interval '1 ms'
      order by f.silent_at limit ${limit}
      for update of f skip locked
    )
    update freshness set announced = 'silent', announced_at = ${now}, silent_at = null
    from due where freshness.peer_id = due.peer_id
    returning ${FRESHNESS}`.execute(tx)
  return rows.map(fromRow)
}

/** What one look over all rows tells of the present: how many are late, and whose clock or epoch is not as it should be. */
export type Overview = {
  readonly heard: number
  /** Heard, and silent for over half their stale limit while we listened. */
  readonly late: number
  readonly skewed: readonly string[]
  readonly restored: readonly string[]
  /** Heard later than now, or with a deadline further away than it may be: the clock was there, and came back unseen. */
  readonly ahead: number
  /** Announced as silent. */
  readonly silent: readonly string[]
}

export async function overview(
  tx: Tx<Tables>,
  now: Date,
  { listeningSince, clockSkewMs, restoredAfter }: { listeningSince: Date; clockSkewMs: number; restoredAfter: Date },
): Promise<Overview> {
  const { rows } = await sql<Omit<Overview, 'silent'>>`
    select
      count(*) filter (where announced = 'heard')::integer as heard,
      count(*) filter (
        where announced = 'heard' and greatest(silent_at - stale_after_ms * interval '0.5 ms',
          ${listeningSince}::timestamptz + stale_after_ms * interval '0.5 ms') < ${now}::timestamptz
      )::integer as late,
      count(*) filter (
        where greatest(last_heard_at, last_heard_by_them_at, silent_at - stale_after_ms * interval '1 ms')
          > ${now}::timestamptz + interval '30 seconds'
      )::integer as ahead,
      coalesce(array_agg(peer_id::text) filter (where abs(clock_offset_ms) > ${clockSkewMs}::float8), '{}') as skewed,
      coalesce(array_agg(peer_id::text) filter (where restored_at > ${restoredAfter}), '{}') as restored
    from freshness`.execute(tx)
  const { rows: silent } = await sql<{ ids: string | null }>`
    select string_agg(peer_id::text, ',') as ids from freshness where announced = 'silent'`.execute(tx)
  const [row] = rows
  if (!row) throw new Error('a count without a row')
  return { ...row, silent: silent[0]?.ids?.split(',') ?? [] }
}

/** Who has been quiet for the greatest part of what it may be, of those that are late: whoever opens the breaker is among them. At most ten. */
export async function latest(
  tx: Tx<Tables>,
  now: Date,
  { listeningSince, silent }: { listeningSince: Date; silent: readonly string[] },
): Promise<readonly string[]> {
  const { rows } = await sql<{ peer_id: string }>`
    select peer_id from freshness
    where peer_id = any(${silent}::uuid[])
      or announced = 'heard' and greatest(silent_at - stale_after_ms * interval '0.5 ms',
        ${listeningSince}::timestamptz + stale_after_ms * interval '0.5 ms') < ${now}::timestamptz
    order by extract(epoch from ${now}::timestamptz - least(last_heard_at, last_heard_by_them_at)) / stale_after_ms desc nulls first, peer_id
    limit 10`.execute(tx)
  return rows.map(({ peer_id }) => peer_id)
}

/** The clock went back: nothing was heard later than now, and no deadline is further away than it may be. */
export async function heedClockBack(tx: Tx<Tables>, now: Date): Promise<void> {
  await sql`
    with ahead as (
      select peer_id from freshness
      where last_heard_at > ${now} or last_heard_by_them_at > ${now}
        or silent_at > ${now}::timestamptz + stale_after_ms * interval '1 ms'
      order by peer_id for update
    )
    update freshness f set
      last_heard_at = case when last_heard_at > ${now} then ${now} else last_heard_at end,
      last_heard_by_them_at = case when last_heard_by_them_at > ${now} then ${now} else last_heard_by_them_at end,
      silent_at = case when silent_at is null then null
        else least(silent_at, ${now}::timestamptz + stale_after_ms * interval '1 ms') end
    from ahead where f.peer_id = ahead.peer_id`.execute(tx)
}

/** Ids of peers we have told something of and that are not among these any more. */
export async function strangers(tx: Tx<Tables>, known: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ peer_id: string }>`
    select peer_id from freshness f where not exists (
      select from unnest(${known}::uuid[]) as k (peer_id) where k.peer_id = f.peer_id
    )`.execute(tx)
  return rows.map(({ peer_id }) => peer_id)
}

export async function remove(tx: Tx<Tables>, peerIds: readonly string[]): Promise<void> {
  await sql`delete from freshness where peer_id = any(${peerIds}::uuid[])`.execute(tx)
}

/**
 * When each peer's next beat of ours was planned. Who holds us back until we have disclosed more is not among them: what
 * we are started with may be just that, so it is beaten at once.
 */
export async function plannedBeats(tx: Tx<Tables>): Promise<Map<string, Date>> {
  const { rows } = await sql<{ peer_id: string; next_beat_at: Date }>`
    select peer_id, next_beat_at from freshness where next_beat_at is not null and state_there <> 'accepted'`.execute(
    tx,
  )
  return new Map(rows.map(({ peer_id, next_beat_at }) => [peer_id, next_beat_at]))
}

/** How old the data is, over all peers announced as heard: half of them are younger than `p50`, and so on; in seconds. */
export async function ages(tx: Tx<Tables>, now: Date): Promise<Ages> {
  const { rows } = await sql<{ heard: number[] | null; heard_by_them: number[] | null }>`
    select
      percentile_disc(array[0.5, 0.99, 1]) within group (order by extract(epoch from ${now} - last_heard_at)::float8) as heard,
      percentile_disc(array[0.5, 0.99, 1]) within group (order by extract(epoch from ${now} - last_heard_by_them_at)::float8)
        as heard_by_them
    from freshness where announced = 'heard'`.execute(tx)
  const [row] = rows
  return { heard: row?.heard ?? [], heardByThem: row?.heard_by_them ?? [] }
}
/** Median, 99th percentile and oldest; empty when nobody is heard. */
export type Ages = { readonly heard: readonly (number | null)[]; readonly heardByThem: readonly (number | null)[] }

const byPeer = (rows: readonly FreshnessRow[]): Map<string, Freshness> =>
  new Map(rows.map((row) => [row.peer_id, fromRow(row)]))
