import type { JsonObject } from '@bufbuild/protobuf'
import { sql } from 'kysely'
import type { Resource } from '../resource.ts'
import type { GrantTx } from './tables.ts'

/** Where whoever watches listens; rung by a trigger, with the kind. */
export const RESOURCE_CHANNEL = 'grant_authz_resource'

/** What records of a page may have together: below what the mesh takes as one message (1 MB), with all around them. */
const PAGE_BYTES = 400 * 1024

export type Page = {
  readonly resources: readonly Resource[]
  readonly hasMore: boolean
}

/**
 * A record, also one that was removed, for writing. Locks the count of changes, which each write takes anyway: so of two
 * that would make the same record at once, the later finds it made.
 */
export async function lock(tx: GrantTx, kind: string, id: string): Promise<Resource | undefined> {
  await sql`select last from resource_change for update`.execute(tx)
  const { rows } = await sql<Row>`
    select ${COLUMNS} from resource_record where kind = ${kind} and id = ${id}`.execute(tx)
  return rows[0] && toResource(rows[0])
}

/** A record that is there. Ids are compared byte by byte. */
export async function find(tx: GrantTx, kind: string, id: string): Promise<Resource | undefined> {
  const { rows } = await sql<Row>`
    select ${COLUMNS} from resource_record
    where kind = ${kind} and id = ${id} and removed_at is null`.execute(tx)
  return rows[0] && toResource(rows[0])
}

/** Writes a record that `lock` gave, or that it said there is not. */
export async function save(tx: GrantTx, before: Resource | undefined, after: Resource): Promise<void> {
  const row = {
    record: JSON.stringify(after.record),
    region: after.region ?? null,
    data_class: after.dataClass,
    revision: after.revision,
    updated_at: after.updatedAt,
    removed_at: after.removedAt ?? null,
  }
  if (before) {
    await tx.updateTable('resource_record').set(row).where('kind', '=', after.kind).where('id', '=', after.id).execute()
  } else {
    await tx
      .insertInto('resource_record')
      .values({ kind: after.kind, id: after.id, ...row })
      .execute()
  }
}

/**
 * Records after one, by kind and id, byte by byte; of one kind, or of all. As many as fit into a page, and one at least.
 *
 * A page begins where the last one ended, not at a number: what is added or removed meanwhile neither hides a record that
 * was there all the time nor shows it twice.
 */
export async function after(
  tx: GrantTx,
  said: { kind: string; last: { readonly kind: string; readonly id: string } | undefined; limit: number },
): Promise<Page> {
  const { kind, last, limit } = said
  const isOfKind = kind === '' ? sql`true` : sql`kind = ${kind}`
  const isAfter = last ? sql`(kind, id) > (${last.kind}, ${last.id})` : sql`true`
  return fitting(
    tx,
    sql`select ${COLUMNS} from resource_record
      where removed_at is null and ${isOfKind} and ${isAfter} order by kind, id limit ${limit + 1}`,
    limit,
  )
}

/** What changed of a kind after a change, in the order it committed; removed ones too. Of one id, or of all. */
export async function changedAfter(
  tx: GrantTx,
  said: { kind: string; id: string; last: bigint; limit: number },
): Promise<Page & { readonly last: bigint }> {
  const isMeant = said.id === '' ? sql`true` : sql`id = ${said.id}`
  const { limit } = said
  const page = await fitting(
    tx,
    sql`select ${COLUMNS} from resource_record
      where kind = ${said.kind} and change > ${said.last.toString()} and ${isMeant} order by change limit ${limit + 1}`,
    limit,
    sql`change`,
  )
  return { ...page, last: page.changes.at(-1) ?? said.last }
}

/** The number of the last change that has committed: whoever has read everything after this misses nothing by it. */
export async function lastChange(tx: GrantTx): Promise<bigint> {
  const row = await tx.selectFrom('resource_change').select('last').executeTakeFirstOrThrow()
  return BigInt(row.last)
}

const COLUMNS = sql`kind, id, record, region, data_class, revision, updated_at, removed_at, change`

/** The rows of a query that fit into a page together, measured where they lie: what does not fit is never fetched. */
// oxlint-disable-next-line max-params -- the query, how many of it, and its order
async function fitting(
  tx: GrantTx,
  query: ReturnType<typeof sql>,
  limit: number,
  order = sql`kind, id`,
): Promise<Page & { readonly changes: readonly bigint[] }> {
  const { rows } = await sql<Row & { there: number }>`
    select ${COLUMNS}, there from (
      select ${COLUMNS}, count(1) over () as there,
        sum(octet_length(record::text)) over (order by ${order}) as bytes, row_number() over (order by ${order}) as place
      from (${query}) as wanted
    ) as measured
    where place = 1 or (bytes <= ${PAGE_BYTES} and place <= ${limit})
    order by ${order}`.execute(tx)
  return {
    resources: rows.map(toResource),
    changes: rows.map(({ change }) => BigInt(change)),
    hasMore: rows.length < (rows[0]?.there ?? 0),
  }
}

type Row = {
  readonly kind: string
  readonly id: string
  readonly record: JsonObject
  readonly region: string | null
  readonly data_class: string
  readonly revision: number
  readonly updated_at: Date
  readonly removed_at: Date | null
  readonly change: number
}

function toResource(row: Row): Resource {
  return {
    kind: row.kind,
    id: row.id,
    record: row.record,
    region: row.region ?? undefined,
    dataClass: row.data_class,
    revision: row.revision,
    updatedAt: row.updated_at,
    removedAt: row.removed_at ?? undefined,
  }
}
