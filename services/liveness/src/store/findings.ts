import { newId, type Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { Finding, FindingKind, Found, Severity } from '../findings/finding.ts'
import type { Tables } from './tables.ts'

type Row = {
  readonly id: string
  readonly kind: FindingKind
  readonly severity: Severity
  readonly peer_id: string
  readonly about: string
  readonly message: string
  readonly remedy: string
  readonly waiting_on: Finding['waitingOn']
  readonly payload: Readonly<Record<string, string>>
  readonly opened_at: Date
  readonly updated_at: Date
  readonly closed_at: Date | null
  readonly reopened_at: Date | null
  readonly missing_since: Date | null
  readonly acknowledged_by: string
  readonly acknowledged_at: Date | null
  readonly note: string
}

const NAMES = ['id', 'kind', 'severity', 'peer_id', 'about', 'message', 'remedy', 'waiting_on', 'payload', 'opened_at', 'updated_at', 'closed_at', 'reopened_at', 'missing_since', 'acknowledged_by', 'acknowledged_at', 'note'] // prettier-ignore
const COLUMNS = sql.raw(NAMES.join(', '))

/** The critical first. The index `finding_gravest` is by this very expression. */
const GRAVITY = sql.raw(`array_position(array['critical', 'high', 'medium', 'low'], severity)`)

/** Waits for its turn: what two looks find at once is one finding. */
export async function lock(tx: Tx<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(current_schema() || '.finding', 0))`.execute(tx)
}

/** Everything that is open; of one peer, if one is named. */
export async function open(tx: Tx<Tables>, peerId: string): Promise<readonly Finding[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from finding where closed_at is null and (${peerId} = '' or peer_id = ${peerId})`.execute(tx)
  return rows.map(fromRow)
}

export type Filter = {
  readonly peerId: string
  readonly kind: string
  readonly includeClosed: boolean
  readonly unacknowledgedOnly: boolean
  /** Where the page before ended. */
  readonly after: Place | undefined
  readonly limit: number
}
/** A place in the list: how grave, and which. */
export type Place = { readonly gravity: number; readonly id: string }

/** One page: the gravest first, and of those equally grave the newest. */
export async function page(tx: Tx<Tables>, filter: Filter): Promise<readonly (Finding & Pick<Place, 'gravity'>)[]> {
  const { peerId, kind, includeClosed, unacknowledgedOnly, after, limit } = filter
  const { rows } = await sql<Row & { gravity: number }>`
    select ${COLUMNS}, ${GRAVITY} as gravity from finding
    where ${includeClosed ? sql`true` : sql`closed_at is null`}
      and (${peerId} = '' or peer_id = ${peerId}) and (${kind} = '' or kind = ${kind})
      and ${unacknowledgedOnly ? sql`acknowledged_at is null` : sql`true`}
      and ${after ? sql`(${GRAVITY} > ${after.gravity} or (${GRAVITY} = ${after.gravity} and id < ${after.id}::uuid))` : sql`true`}
    order by ${GRAVITY}, id desc limit ${limit}`.execute(tx)
  return rows.map((row) => ({ ...fromRow(row), gravity: row.gravity }))
}

/** One finding, locked until the transaction ends. */
export async function claim(tx: Tx<Tables>, id: string): Promise<Finding | undefined> {
  const { rows } = await sql<Row>`select ${COLUMNS} from finding where id = ${id}::uuid for update`.execute(tx)
  return rows[0] && fromRow(rows[0])
}

export async function acknowledge(tx: Tx<Tables>, after: Finding): Promise<void> {
  await sql`
    update finding set acknowledged_by = ${after.acknowledgedBy}, acknowledged_at = ${after.acknowledgedAt}, note = ${after.note}
    where id = ${after.id}::uuid`.execute(tx)
}

/** Opens all of them in one statement; returns them as they are kept, in their order. */
export async function add(tx: Tx<Tables>, now: Date, found: readonly Found[]): Promise<readonly Finding[]> {
  const opened = found.map((one) => ({ ...one, ...UNSEEN, id: newId(now), openedAt: now, updatedAt: now }))
  if (opened.length === 0) return opened
  await sql`
    insert into finding (id, kind, severity, peer_id, about, message, remedy, waiting_on, payload, opened_at, updated_at)
    select v.id, v.kind, v.severity, v.peer_id, v.about, v.message, v.remedy, v.waiting_on, v.payload, ${now}, ${now}
    from unnest(
      ${opened.map(({ id }) => id)}::uuid[], ${opened.map(({ kind }) => kind)}::text[],
      ${opened.map(({ peerId }) => peerId)}::text[], ${opened.map(({ about }) => about)}::text[], ${said(opened)}
    ) as v (id, kind, peer_id, about, severity, message, remedy, waiting_on, payload)`.execute(tx)
  return opened
}

/** What is still so, and reads otherwise now. What a person said of it stays. */
export async function update(
  tx: Tx<Tables>,
  now: Date,
  changes: readonly (readonly [Finding, Found])[],
): Promise<void> {
  if (changes.length === 0) return
  await sql`
    update finding f
    set severity = v.severity, message = v.message, remedy = v.remedy, waiting_on = v.waiting_on, payload = v.payload,
      updated_at = greatest(f.opened_at, ${now}), missing_since = null
    from unnest(${changes.map(([{ id }]) => id)}::uuid[], ${said(changes.map(([, after]) => after))})
      as v (id, severity, message, remedy, waiting_on, payload)
    where f.id = v.id`.execute(tx)
}

/** Not found by this look. They came back before, so they stay open until they have been away for an hour. */
export async function miss(tx: Tx<Tables>, now: Date, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await sql`update finding set missing_since = ${now} where id = any(${ids}::uuid[])`.execute(tx)
}

/** The last to close since then of each of these, of the same kind, peer and matter. */
export async function closedSince(tx: Tx<Tables>, since: Date, found: readonly Found[]): Promise<readonly Finding[]> {
  const { rows } = await sql<Row>`
    select distinct on (kind, peer_id, about) ${COLUMNS} from finding
    where closed_at > ${since} and peer_id = any(${[...new Set(found.map(({ peerId }) => peerId))]}::text[])
    order by kind, peer_id, about, closed_at desc`.execute(tx)
  return rows.map(fromRow)
}

/** Opens anew what had closed, and says what holds now. */
export async function reopen(
  tx: Tx<Tables>,
  now: Date,
  changes: readonly (readonly [Finding, Found])[],
): Promise<readonly Finding[]> {
  if (changes.length === 0) return []
  const { rows } = await sql<Row>`
    update finding f
    set severity = v.severity, message = v.message, remedy = v.remedy, waiting_on = v.waiting_on, payload = v.payload,
      updated_at = greatest(f.opened_at, ${now}), closed_at = null, reopened_at = ${now}
    from unnest(${changes.map(([{ id }]) => id)}::uuid[], ${said(changes.map(([, after]) => after))})
      as v (again, severity, message, remedy, waiting_on, payload)
    where f.id = v.again
    returning ${sql.raw(NAMES.map((name) => `f.${name}`).join(', '))}`.execute(tx)
  return rows.map(fromRow)
}

/** What is so no more. */
export async function close(tx: Tx<Tables>, now: Date, ids: readonly string[]): Promise<readonly Finding[]> {
  if (ids.length === 0) return []
  const { rows } = await sql<Row>`
    update finding set closed_at = greatest(opened_at, ${now}), missing_since = null where id = any(${ids}::uuid[]) returning ${COLUMNS}`.execute(
    tx,
  )
  return rows.map(fromRow)
}

/** Forgets what was closed before `before`, at most `limit`; returns how many. The ledger has it for good. */
export async function forget(tx: Tx<Tables>, before: Date, limit: number): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from finding where id in (select id from finding where closed_at < ${before} limit ${limit})`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

/** How many are open, by severity. */
export async function counts(tx: Tx<Tables>): Promise<Readonly<Partial<Record<Severity, number>>>> {
  const { rows } = await sql<{ severity: Severity; count: number }>`
    select severity, count(*)::integer as count from finding where closed_at is null group by severity`.execute(tx)
  return Object.fromEntries(rows.map(({ severity, count }) => [severity, count]))
}

const UNSEEN = {
  reopenedAt: null,
  missingSince: null,
  closedAt: null,
  acknowledgedBy: '',
  acknowledgedAt: null,
  note: '',
} as const

/** What a look says, as arrays in the order of the columns that it may change. */
const said = (found: readonly Found[]) => sql`
  ${found.map(({ severity }) => severity)}::text[], ${found.map(({ message }) => message)}::text[],
  ${found.map(({ remedy }) => remedy)}::text[], ${found.map(({ waitingOn }) => waitingOn)}::text[],
  ${found.map(({ payload }) => JSON.stringify(payload))}::jsonb[]`

const fromRow = (row: Row): Finding => ({
  id: row.id,
  kind: row.kind,
  severity: row.severity,
  peerId: row.peer_id,
  about: row.about,
  message: row.message,
  remedy: row.remedy,
  waitingOn: row.waiting_on,
  payload: row.payload,
  openedAt: row.opened_at,
  updatedAt: row.updated_at,
  closedAt: row.closed_at,
  reopenedAt: row.reopened_at,
  missingSince: row.missing_since,
  acknowledgedBy: row.acknowledged_by,
  acknowledgedAt: row.acknowledged_at,
  note: row.note,
})
