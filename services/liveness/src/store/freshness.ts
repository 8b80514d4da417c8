import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Freshness } from '../freshness.ts'
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
 *
 * One statement that reads only the index of deadlines, so its cost is that of the peers that fell silent and not of
 * those that did not. Rows somebody is writing at this moment are skipped: they are being heard, or come up next time.
 */
export async function silence(tx: Tx<Tables>, now: Date, limit: number): Promise<readonly Freshness[]> {
  const { rows } = await sql<FreshnessRow>`
    with due as (
      select peer_id from freshness
      where announced = 'heard' and silent_at <= ${now}
      order by silent_at limit ${limit}
      for update skip locked
    )
    update freshness set announced = 'silent', announced_at = ${now}, silent_at = null
    from due where freshness.peer_id = due.peer_id
    returning ${FRESHNESS}`.execute(tx)
  return rows.map(fromRow)
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
