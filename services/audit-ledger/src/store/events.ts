import { sql } from 'kysely'
import type { Happening, Severity } from '../happening.ts'
import type { Shown } from '../retention.ts'
import type { LedgerTx } from './tables.ts'

/** Which events: empty strings and absent values mean any. */
export type Filter = {
  readonly kindPrefix: string
  readonly source: string
  readonly peerId: string
  readonly severity: Severity | undefined
  /** The first moment that belongs to it. */
  readonly since: Date | undefined
  /** The first moment that no longer does. */
  readonly until: Date | undefined
}

export type Numbered = Happening & { readonly position: number }

/** The channel on which the commit of an `add` is heard. */
export const FEED_CHANNEL = 'audit_ledger_event'

const COLUMNS = [
  'position',
  'id',
  'kind',
  'severity',
  'source',
  'peer_id as peerId',
  'actor',
  'at',
  'correlation_id as correlationId',
  'payload',
] as const

/**
 * Puts an event at the end of the feed, unless it is there, and wakes who watches once it is committed.
 *
 * The position is drawn under a lock held until the transaction ends: a reader that has seen position n has seen all
 * that will ever stand before it. So this MUST come last, after all other locks.
 */
export async function add(tx: LedgerTx, event: Happening): Promise<void> {
  const { id, kind, severity, source, peerId, actor, at, correlationId, payload } = event
  await sql`select pg_advisory_xact_lock(hashtextextended('audit_ledger.event', 0))`.execute(tx)
  await sql`
    with added as (
      insert into event (id, kind, severity, source, peer_id, actor, at, correlation_id, payload)
      values (${id}, ${kind}, ${severity}, ${source}, ${peerId}, ${actor}, ${at}, ${correlationId}, ${JSON.stringify(payload)})
      on conflict (id) do nothing
      returning 1
    )
    select pg_notify(${FEED_CHANNEL}, '') from added`.execute(tx)
}

/** Who announced the event of this id, if it is in the feed. */
export async function sourceOf(tx: LedgerTx, id: string): Promise<string | undefined> {
  const event = await tx.selectFrom('event').select('source').where('id', '=', id).executeTakeFirst()
  return event?.source
}

/** Takes events out of the feed whose payloads are erased. */
export async function forget(tx: LedgerTx, ids: readonly string[]): Promise<void> {
  await tx.deleteFrom('event').where('id', 'in', ids).execute()
}

/** A page backwards: of those shown and before a position, the newest first. */
export async function backwards(
  tx: LedgerTx,
  filter: Filter,
  { shown, before, limit }: { readonly shown: Shown; readonly before: number; readonly limit: number },
): Promise<Numbered[]> {
  return matching(tx, filter, shown)
    .where('position', '<', before)
    .$if(filter.since !== undefined, (query) => query.where('at', '>=', filter.since ?? null))
    .orderBy('position', 'desc')
    .limit(limit)
    .execute()
}

/** The position of the newest event; 0 when there is none. */
export async function newest(tx: LedgerTx): Promise<number> {
  const last = await tx.selectFrom('event').select('position').orderBy('position', 'desc').limit(1).executeTakeFirst()
  return last?.position ?? 0
}

/** Which part of the feed: after one position, up to another. Of what lies up to `history`, only events from `since` on. */
export type Stretch = {
  readonly after: number
  readonly upTo: number
  readonly history: number
  readonly shown: Shown
  readonly limit: number
}

/** A stretch of the feed, oldest first. */
export async function forwards(
  tx: LedgerTx,
  filter: Filter,
  { after, upTo, history, shown, limit }: Stretch,
): Promise<Numbered[]> {
  return matching(tx, filter, shown)
    .where('position', '>', after)
    .where('position', '<=', upTo)
    .where((is) => is.or([is('position', '>', history), is('at', '>=', filter.since ?? new Date(0))]))
    .orderBy('position')
    .limit(limit)
    .execute()
}

/** Drops a batch of the events that nobody is shown any more; returns how many went. */
export async function drop(tx: LedgerTx, { critical, others }: Shown, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from event where position in (
      select position from event
      where severity = 'critical' and at < ${critical} or severity <> 'critical' and at < ${others}
      limit ${limit}
    )`.execute(tx)
  return Number(numAffectedRows ?? 0n)
}

function matching(tx: LedgerTx, { kindPrefix, source, peerId, severity, until }: Filter, shown: Shown) {
  return tx
    .selectFrom('event')
    .select(COLUMNS)
    .where((is) =>
      is.or([is('at', '>=', shown.others), is.and([is('severity', '=', 'critical'), is('at', '>=', shown.critical)])]),
    )
    .$if(kindPrefix !== '', (query) => query.where(sql<boolean>`kind like ${likePrefix(kindPrefix)}`))
    .$if(source !== '', (query) => query.where('source', '=', source))
    .$if(peerId !== '', (query) => query.where('peer_id', '=', peerId))
    .$if(severity !== undefined, (query) => query.where('severity', '=', severity ?? 'low'))
    .$if(until !== undefined, (query) => query.where('at', '<', until ?? null))
}

function likePrefix(prefix: string): string {
  return `${prefix.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
}
