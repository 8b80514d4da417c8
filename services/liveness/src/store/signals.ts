import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Ending } from '../remediation/observe.ts'
import type { Signal } from '../remediation/signal.ts'
import type { Tables } from './tables.ts'

const SIGNAL = sql.raw(`
  signal.id, signal.peer_id as "peerId", signal.reason, signal.severity, signal.fingerprint, signal.detail, signal.certificate,
  signal.peer_state as "peerState", signal.last_heartbeat_at as "lastHeartbeatAt", signal.opened_at as "openedAt",
  signal.last_seen_at as "lastSeenAt", signal.closed_at as "closedAt", signal.trouble_since as "troubleSince",
  signal.next_look_at as "nextLookAt", signal.seen, signal.patience_used as "patienceUsed", signal.looks, signal.escalation, signal.calm_since as "calmSince",
  signal.remediation_id as "remediationId", signal.approval_id as "approvalId", signal.asked_id as "askedId"`)

/** The open signals of these peers, locked in the order of their ids. */
export async function lockOpen(tx: Tx<Tables>, peerIds: readonly string[]): Promise<readonly Signal[]> {
  const { rows } = await sql<Signal>`
    select ${SIGNAL} from signal where closed_at is null and peer_id = any(${peerIds}::uuid[])
    order by peer_id, id for update`.execute(tx)
  return rows
}

/** The open signal with this id, locked. */
export async function lockOne(tx: Tx<Tables>, id: string): Promise<Signal | undefined> {
  const { rows } = await sql<Signal>`
    select ${SIGNAL} from signal where id = ${id} and closed_at is null for update`.execute(tx)
  return rows[0]
}

/** People were asked about it; nothing, if it has closed meanwhile. */
export async function noteAsked(tx: Tx<Tables>, id: string, approvalId: string): Promise<void> {
  await sql`update signal set asked_id = ${approvalId} where id = ${id} and closed_at is null`.execute(tx)
}

/**
 * Peers of the open signals that are to be looked at, most urgent first. Not of those that are being probed (`busy`): they stay
 * due until the probe is back, and a crowd of peers that are slow to answer would be all that is ever looked at.
 */
// oxlint-disable-next-line max-params -- when, of whom not, and how many
export async function duePeers(
  tx: Tx<Tables>,
  now: Date,
  busy: ReadonlySet<string>,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await sql<{ peer_id: string }>`
    select peer_id from signal
    where closed_at is null and next_look_at <= ${now} and not id = any(${[...busy]}::uuid[])
    order by next_look_at limit ${limit}`.execute(tx)
  return rows.map(({ peer_id }) => peer_id)
}

/**
 * Peers with an open signal of one of these reasons; as one text, because there may be a hundred thousand. Who compares them with
 * others does so in memory: a join over tables that grew by as much a moment ago is planned for tables that are empty.
 */
export async function peersWith(tx: Tx<Tables>, reasons: readonly Signal['reason'][]): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ ids: string | null }>`
    select string_agg(peer_id::text, ',') as ids from signal
    where closed_at is null and reason = any(${reasons})`.execute(tx)
  return new Set(rows[0]?.ids?.split(','))
}

/** Peers with an open signal that their clock is off: those of whom it was so when last looked, those that are calm, and those that were before then. */
export async function clockSkews(tx: Tx<Tables>, calmBefore: Date): Promise<ClockSkews> {
  const { rows } = await sql<{ skewed: string | null; calm: string | null; settled: string | null }>`
    select
      string_agg(peer_id::text, ',') filter (where calm_since is null) as skewed,
      string_agg(peer_id::text, ',') filter (where calm_since is not null) as calm,
      string_agg(peer_id::text, ',') filter (where calm_since <= ${calmBefore}) as settled
    from signal where closed_at is null and reason = 'clock_skew'`.execute(tx)
  const ids = (text: string | null | undefined) => new Set(text?.split(','))
  return { skewed: ids(rows[0]?.skewed), calm: ids(rows[0]?.calm), settled: ids(rows[0]?.settled) }
}
export type ClockSkews = Readonly<Record<'skewed' | 'calm' | 'settled', ReadonlySet<string>>>

/** Peers with any open signal. */
export async function openPeers(tx: Tx<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ peer_id: string }>`
    select distinct peer_id from signal where closed_at is null`.execute(tx)
  return rows.map(({ peer_id }) => peer_id)
}

/** Writes new signals, and what has become of others; of each that closed, why. */
export async function write(tx: Tx<Tables>, rows: readonly (Signal & { readonly ending?: Ending })[]): Promise<void> {
  if (rows.length === 0) return
  const json = rows.map((row) => ({ ...row, ending: row.ending ?? '' }))
  await sql`
    insert into signal (
      id, peer_id, reason, severity, fingerprint, detail, certificate, peer_state, last_heartbeat_at, opened_at, last_seen_at,
      closed_at, ending, trouble_since, next_look_at, seen, patience_used, looks, escalation, calm_since, remediation_id,
      approval_id, asked_id
    )
    select
      id, "peerId", reason, severity, fingerprint, detail, certificate, "peerState", "lastHeartbeatAt", "openedAt", "lastSeenAt",
      "closedAt", ending, "troubleSince", "nextLookAt", seen, "patienceUsed", looks, escalation, "calmSince", "remediationId",
      "approvalId", "askedId"
    from jsonb_to_recordset(${JSON.stringify(json)}::jsonb) as v (
      id uuid, "peerId" uuid, reason text, severity text, fingerprint text, detail text, certificate text, "peerState" text,
      "lastHeartbeatAt" timestamptz, "openedAt" timestamptz, "lastSeenAt" timestamptz, "closedAt" timestamptz, ending text,
      "troubleSince" timestamptz, "nextLookAt" timestamptz, seen integer, "patienceUsed" integer, looks integer,
      escalation smallint, "calmSince" timestamptz, "remediationId" uuid, "approvalId" uuid, "askedId" uuid
    )
    on conflict (id) do update set
      severity = excluded.severity, detail = excluded.detail, certificate = excluded.certificate,
      last_seen_at = excluded.last_seen_at, closed_at = excluded.closed_at, ending = excluded.ending,
      next_look_at = excluded.next_look_at, seen = excluded.seen, patience_used = excluded.patience_used,
      looks = excluded.looks, escalation = excluded.escalation, calm_since = excluded.calm_since,
      remediation_id = excluded.remediation_id,
      approval_id = excluded.approval_id, asked_id = excluded.asked_id`.execute(tx)
}

/** Has all silences looked at in the next tick: what held them is gone. */
export async function lookNow(tx: Tx<Tables>, now: Date): Promise<void> {
  await sql`update signal set next_look_at = ${now} where closed_at is null and next_look_at > ${now}`.execute(tx)
}

/** How often each of these peers fell silent and came back since then. Peers that did not are not in the answer. */
export async function recoveries(
  tx: Tx<Tables>,
  peerIds: readonly string[],
  since: Date,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ peer_id: string; count: number }>`
    select peer_id, count(*)::integer as count from signal
    where closed_at > ${since} and ending = 'recovered' and reason in ('heartbeat_stale', 'one_way')
      and peer_id = any(${peerIds}::uuid[])
    group by peer_id`.execute(tx)
  return new Map(rows.map(({ peer_id, count }) => [peer_id, count]))
}

/** How much time each of these peers was given in the last of its silences that ended since then. */
export async function patienceLately(
  tx: Tx<Tables>,
  peerIds: readonly string[],
  since: Date,
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql<{ peer_id: string; patience_used: number }>`
    select distinct on (peer_id) peer_id, patience_used from signal
    where closed_at > ${since} and ending = 'recovered' and reason in ('heartbeat_stale', 'one_way')
      and peer_id = any(${peerIds}::uuid[])
    order by peer_id, closed_at desc`.execute(tx)
  return new Map(rows.map(({ peer_id, patience_used }) => [peer_id, patience_used]))
}

/** How many are open. */
export async function countOpen(tx: Tx<Tables>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from signal where closed_at is null`.execute(tx)
  return rows[0]?.count ?? 0
}

/** One page, newest first, of those before `beforeId`. */
export async function page(
  tx: Tx<Tables>,
  said: { peerId: string; includeClosed: boolean; beforeId: string | undefined; limit: number },
): Promise<readonly Signal[]> {
  const { peerId, includeClosed, beforeId, limit } = said
  const { rows } = await sql<Signal>`
    select ${SIGNAL} from signal
    where ${peerId === '' ? sql`true` : sql`peer_id = ${peerId}::uuid`}
      and ${includeClosed ? sql`true` : sql`closed_at is null`}
      and ${beforeId ? sql`id < ${beforeId}::uuid` : sql`true`}
    order by id desc limit ${limit}`.execute(tx)
  return rows
}

/** Forgets what closed before then, at most `limit`. */
export async function forget(tx: Tx<Tables>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from signal where id in (select id from signal where closed_at < ${before} limit ${limit})`.execute(tx)
  return Number(numAffectedRows ?? 0)
}
