import { sql } from 'kysely'
import type { Head, Tile } from '../log-files.ts'
import type { LedgerTx } from './tables.ts'

const HEADS = sql`
  select log.id as "logId", log.name, log.origin, c.size, c.root, c.note, coalesce(s.lines, '{}') as cosignatures
  from log
  cross join lateral (
    select size, root, note from checkpoint where log_id = log.id order by size desc limit 1
  ) c
  left join lateral (
    select array_agg(line order by at, name) as lines from cosignature where log_id = log.id and size = c.size
  ) s on true`

/** Where each log is signed up to, by id; logs without a checkpoint are left out. */
export async function heads(
  tx: LedgerTx,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly Head[]> {
  const { rows } = await sql<Head>`${HEADS} where log.id > ${after} order by log.id limit ${limit}`.execute(tx)
  return rows
}

/** The same of these logs. */
export async function headsOf(tx: LedgerTx, logIds: readonly number[]): Promise<readonly Head[]> {
  const { rows } = await sql<Head>`${HEADS} where log.id = any (${logIds}::int[]) order by log.id`.execute(tx)
  return rows
}

/** The same of the log with this name, or this origin. */
export async function headNamed(
  tx: LedgerTx,
  { name, origin }: { readonly name?: string; readonly origin?: string },
): Promise<Head | undefined> {
  const which = name !== undefined ? sql`log.name = ${name}` : sql`log.origin = ${origin}`
  const { rows } = await sql<Head>`${HEADS} where ${which}`.execute(tx)
  return rows[0]
}

type Span = { readonly start: number; readonly end: number }

/** The leaves [start, end), each with its sequence; fewer when entries are missing. */
export async function leaves(
  tx: LedgerTx,
  logId: number,
  { start, end }: Span,
): Promise<readonly { readonly sequence: number; readonly leaf: Buffer }[]> {
  return tx
    .selectFrom('entry')
    .select(['sequence', 'leaf'])
    .where('log_id', '=', logId)
    .where('sequence', '>=', start)
    .where('sequence', '<', end)
    .orderBy('sequence')
    .execute()
}

/** The full tiles [start, end) of one level. */
export async function fullTiles(
  tx: LedgerTx,
  logId: number,
  { level, start, end }: Span & { readonly level: number },
): Promise<readonly Tile[]> {
  return tx
    .selectFrom('tile')
    .select(['level', 'position', 'hashes'])
    .where('log_id', '=', logId)
    .where('level', '=', level)
    .where('position', '>=', start)
    .where('position', '<', end)
    .orderBy('position')
    .execute()
}

/** The statement about entries that were dropped below a size. */
export async function pruningStatement(tx: LedgerTx, logId: number, below: number): Promise<string | undefined> {
  const row = await tx
    .selectFrom('pruning')
    .select('statement')
    .where('log_id', '=', logId)
    .where('below', '=', below)
    .executeTakeFirst()
  return row?.statement
}
