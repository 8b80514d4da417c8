import type { Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import type { ListKey, ListSeverity, Review, ReviewItem, ReviewList, Trigger } from '../review-lists/review.ts'
import type { Tables } from './tables.ts'

type Row = {
  readonly id: string
  readonly trigger: Trigger
  readonly requested_by: string
  readonly started_at: Date
  readonly completed_at: Date
  readonly unread: string[]
  readonly archived_grants: number
}

type ListRow = {
  readonly review_id: string
  readonly key: ListKey
  readonly severity: ListSeverity
  readonly count: number
  readonly items: readonly ReviewItem[]
}

const COLUMNS = sql.raw('id, trigger, requested_by, started_at, completed_at, unread, archived_grants')

export async function insert(tx: Tx<Tables>, review: Review): Promise<void> {
  const { id, trigger, requestedBy, startedAt, completedAt, unread, archivedGrants, lists } = review
  await sql`
    insert into review (id, trigger, requested_by, started_at, completed_at, unread, archived_grants)
    values (${id}, ${trigger}, ${requestedBy}, ${startedAt}, ${completedAt}, ${unread}, ${archivedGrants})`.execute(tx)
  for (const { key, severity, count, items } of lists)
    await sql`
      insert into review_list (review_id, key, severity, count, items)
      values (${id}, ${key}, ${severity}, ${count}, ${JSON.stringify(items)}::jsonb)`.execute(tx)
}

/** The review of this id, whole. */
export async function find(tx: Tx<Tables>, id: string): Promise<Review | undefined> {
  const { rows } = await sql<Row>`select ${COLUMNS} from review where id = ${id}::uuid`.execute(tx)
  return (await withLists(tx, rows))[0]
}

/** The newest of all, whole. */
export async function newest(tx: Tx<Tables>): Promise<Review | undefined> {
  const { rows } = await sql<Row>`select ${COLUMNS} from review order by id desc limit 1`.execute(tx)
  return (await withLists(tx, rows))[0]
}

/** A page, the newest first (UUIDv7). */
export async function page(
  tx: Tx<Tables>,
  { beforeId, limit }: { readonly beforeId: string | undefined; readonly limit: number },
): Promise<readonly Review[]> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from review where ${beforeId ?? null}::uuid is null or id < ${beforeId ?? null}::uuid
    order by id desc limit ${limit}`.execute(tx)
  return withLists(tx, rows)
}

/** When the last weekly one began. */
export async function lastWeekly(tx: Tx<Tables>): Promise<Date | undefined> {
  const { rows } = await sql<Pick<Row, 'started_at'>>`
    select started_at from review where trigger = 'weekly' order by started_at desc limit 1`.execute(tx)
  return rows[0]?.started_at
}

export async function forget(tx: Tx<Tables>, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from review where id in (select id from review where completed_at < ${before} limit 1000)`.execute(tx)
  return Number(numAffectedRows ?? 0)
}

async function withLists(tx: Tx<Tables>, rows: readonly Row[]): Promise<readonly Review[]> {
  if (rows.length === 0) return []
  const { rows: lists } = await sql<ListRow>`
    select review_id, key, severity, count, items from review_list
    where review_id = any(${rows.map(({ id }) => id)}::uuid[])
    order by array_position(array['cert_rotation_candidates', 'grants_approaching_expiry', 'grants_overdue_for_review',
      'broad_scope_grants', 'capability_drift', 'unused_grants'], key)`.execute(tx)
  const of = Map.groupBy(lists, ({ review_id: id }) => id)
  return rows.map((row) => ({
    id: row.id,
    trigger: row.trigger,
    requestedBy: row.requested_by,
    startedAt: row.started_at,
    completedAt: row.completed_at,
    unread: row.unread,
    archivedGrants: row.archived_grants,
    lists: (of.get(row.id) ?? []).map(listFrom),
  }))
}

const listFrom = ({ key, severity, count, items }: ListRow): ReviewList => ({ key, severity, count, items })
