import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

/** One line of a log, and what stands beside it. */
export type Row = {
  readonly logId: number
  readonly sequence: number
  readonly id: string
  readonly at: Date
  readonly leaf: Buffer
  readonly action: string
  readonly direction: 'in' | 'out' | null
  /** Null: there never was one, or it was erased. */
  readonly salt: Buffer | null
  readonly body: string | null
  readonly disclosed: boolean | null
}

const ROW = sql`
  entry.log_id as "logId", entry.sequence, entry.id, entry.at, entry.leaf, entry.action, entry.direction,
  payload.salt, payload.body, payload.disclosed`
const FROM = sql`entry left join payload on payload.log_id = entry.log_id and payload.sequence = entry.sequence`

/** How many entries a log has. */
export async function size(tx: LedgerTx, logId: number): Promise<number> {
  const last = await tx
    .selectFrom('entry')
    .select('sequence')
    .where('log_id', '=', logId)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return last ? last.sequence + 1 : 0
}

/** Those of these ids that stand in some log already. */
export async function known(tx: LedgerTx, ids: readonly string[]): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`select ${ROW} from ${FROM} where entry.id = any (${ids}::uuid[])`.execute(tx)
  return rows
}

/** The entry of this id: ours, or the one the other side gave to the same call. */
export async function byId(tx: LedgerTx, id: string): Promise<Row | undefined> {
  const { rows } = await sql<Row>`
    select ${ROW} from ${FROM} where entry.id = ${id}
    union all
    select ${ROW} from ${FROM} where entry.remote_id = ${id} and entry.id <> ${id}
    limit 1`.execute(tx)
  return rows[0]
}

export async function at(tx: LedgerTx, logId: number, sequence: number): Promise<Row | undefined> {
  const [row] = await stretch(tx, logId, { start: sequence, end: sequence + 1, limit: 1 })
  return row
}

/** Those of these places that are there, by sequence. */
export async function ofSequences(tx: LedgerTx, logId: number, sequences: readonly number[]): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select ${ROW} from ${FROM}
    where entry.log_id = ${logId} and entry.sequence = any (${sequences}::bigint[])
    order by entry.sequence`.execute(tx)
  return rows
}

export type Stretch = {
  readonly start: number
  /** The first that no longer belongs to it. */
  readonly end: number
  readonly limit: number
  /** Only what begins so. */
  readonly actionPrefix?: string
  readonly newestFirst?: boolean
}

/** A stretch of a log by sequence: what is past never changes. */
export async function stretch(
  tx: LedgerTx,
  logId: number,
  { start, end, limit, actionPrefix = '', newestFirst = false }: Stretch,
): Promise<readonly Row[]> {
  const { rows } = await sql<Row>`
    select ${ROW} from ${FROM}
    where entry.log_id = ${logId} and entry.sequence >= ${start} and entry.sequence < ${end}
      and starts_with(entry.action, ${actionPrefix})
    order by entry.sequence ${newestFirst ? sql`desc` : sql`asc`}
    limit ${limit}`.execute(tx)
  return rows
}

/** The hashes of leaves [start, end), in their order; fewer when entries are missing. */
export async function leafHashes(
  tx: LedgerTx,
  logId: number,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Buffer[]> {
  const rows = await tx
    .selectFrom('entry')
    .select('leaf_hash')
    .where('log_id', '=', logId)
    .where('sequence', '>=', start)
    .where('sequence', '<', end)
    .orderBy('sequence')
    .execute()
  return rows.map(({ leaf_hash }) => leaf_hash)
}
