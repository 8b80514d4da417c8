import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { PackedFigures } from '../figures/figures.ts'
import type { Span, SpanFigures } from '../figures/window.ts'
import type { Tables } from './tables.ts'

/** The figures of one peering for one span. */
export type Row = PackedFigures & { readonly peerId: string }
type SpanRow = SpanFigures & { readonly peerId: string }

const SELECT = sql.raw(`peer_id::text as "peerId", span, since, watched_ms as "watchedMs", both_ms as "bothMs",
  heard_ms as "heardMs", heard_by_them_ms as "heardByThemMs", beats_sent as "beatsSent", beats_answered as "beatsAnswered",
  beats_heard as "beatsHeard", round_trips as "roundTrips", silences,
  longest_silence_ms::float8 as "longestSilenceMs"`)

/** What is kept of these peers for one span, locked in the order of their ids; one that nothing is kept of gets an empty row. */
export async function hold(tx: Tx<Tables>, span: Span, since: Date, peerIds: readonly string[]): Promise<Row[]> {
  await sql`
    insert into service_level (peer_id, span, since)
    select id, ${span}, ${since} from unnest(${peerIds}::uuid[]) as k (id) order by id
    on conflict do nothing`.execute(tx)
  const { rows } = await sql<Row>`
    select ${SELECT} from service_level
    where span = ${span} and since = ${since} and peer_id = any(${peerIds}::uuid[])
    order by peer_id for update`.execute(tx)
  return rows
}

/** Writes the figures of one span in one statement. The caller MUST hold the rows. */
export async function save(tx: Tx<Tables>, span: Span, since: Date, rows: readonly Row[]): Promise<void> {
  const column = <Key extends keyof Row>(key: Key): Row[Key][] => rows.map((row) => row[key])
  const whole = (key: Exclude<keyof Row, 'peerId' | 'roundTrips'>): number[] => column(key).map((ms) => Math.round(ms))
  await sql`
    update service_level l set watched_ms = v.watched_ms, both_ms = v.both_ms, heard_ms = v.heard_ms,
      heard_by_them_ms = v.heard_by_them_ms, beats_sent = v.beats_sent, beats_answered = v.beats_answered,
      beats_heard = v.beats_heard, round_trips = v.round_trips, silences = v.silences, longest_silence_ms = v.longest_silence_ms
    from unnest(
      ${column('peerId')}::uuid[], ${whole('watchedMs')}::integer[], ${whole('bothMs')}::integer[],
      ${whole('heardMs')}::integer[], ${whole('heardByThemMs')}::integer[], ${whole('beatsSent')}::integer[],
      ${whole('beatsAnswered')}::integer[], ${whole('beatsHeard')}::integer[], ${column('roundTrips')}::bytea[],
      ${whole('silences')}::integer[], ${whole('longestSilenceMs')}::bigint[]
    ) as v (peer_id, watched_ms, both_ms, heard_ms, heard_by_them_ms, beats_sent, beats_answered, beats_heard, round_trips,
      silences, longest_silence_ms)
    where l.span = ${span} and l.since = ${since} and l.peer_id = v.peer_id`.execute(tx)
}

/** What peers come to between one moment and the next. */
export type Sum = Row & { readonly since: Date }

/**
 * What these peers come to from each of some moments on to the next of them: a few rows for each peer, of the dozens that
 * are kept. What is packed is laid end to end, which is how it is added.
 */
export async function sums(tx: Tx<Tables>, peerIds: readonly string[], moments: readonly Date[]): Promise<Sum[]> {
  const bounds = moments.toSorted((a, b) => a.getTime() - b.getTime()).map((at) => at.toISOString())
  const { rows } = await sql<Sum>`
    select peer_id::text as "peerId", bounds[place] as since, sum(watched_ms)::float8 as "watchedMs", sum(both_ms)::float8 as "bothMs",
      sum(heard_ms)::float8 as "heardMs", sum(heard_by_them_ms)::float8 as "heardByThemMs", sum(beats_sent)::float8 as "beatsSent",
      sum(beats_answered)::float8 as "beatsAnswered", sum(beats_heard)::float8 as "beatsHeard",
      string_agg(round_trips, '') as "roundTrips", sum(silences)::float8 as silences,
      max(longest_silence_ms)::float8 as "longestSilenceMs"
    from (select ${bounds}::timestamptz[] as bounds) as given, service_level, width_bucket(since, bounds) as place
    where peer_id = any(${peerIds}::uuid[]) and since >= bounds[1]
    group by peer_id, bounds, place`.execute(tx)
  return rows
}

/** Takes out the hours before `end` of the first day that has any, of at most `limit` peers. */
export async function takeHours(tx: Tx<Tables>, end: Date, limit: number): Promise<SpanRow[]> {
  const { rows } = await sql<SpanRow>`
    with first as (
      select date_trunc('day', min(since), 'UTC') as day from service_level where span = 'hour' and since < ${end}
    ), peers as (
      select distinct peer_id from service_level, first
      where span = 'hour' and since >= day and since < day + interval '1 day' order by peer_id limit ${limit}
    )
    delete from service_level using first
    where span = 'hour' and since >= day and since < day + interval '1 day'
      and service_level.peer_id in (select peers.peer_id from peers)
    returning ${SELECT}`.execute(tx)
  return rows
}

/** Forgets days before `end`. */
export async function forgetDays(tx: Tx<Tables>, end: Date): Promise<number> {
  const { numAffectedRows } = await sql`delete from service_level where span = 'day' and since < ${end}`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** How every peer was last heard: little of each, because all of them are read. */
export async function sights(tx: Tx<Tables>): Promise<readonly SightRow[]> {
  const { rows } = await sql<SightRow>`
    select peer_id::text as "peerId", extract(epoch from last_heard_at)::float8 * 1000 as "lastHeardMs",
      extract(epoch from last_heard_by_them_at)::float8 * 1000 as "lastHeardByThemMs", stale_after_ms as "staleAfterMs",
      announced = 'heard' as "isHeard"
    from freshness`.execute(tx)
  return rows
}

type SightRow = {
  readonly peerId: string
  readonly lastHeardMs: number | null
  readonly lastHeardByThemMs: number | null
  readonly staleAfterMs: number
  /** Whether it counts as heard, as far as we have told: whoever looks for the first time finds a silence that nobody saw begin. */
  readonly isHeard: boolean
}
