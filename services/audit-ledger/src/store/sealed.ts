import type { PayloadLine } from '@powernode/ledger'
import { sql } from 'kysely'
import type { Head, Tile, Tree } from '../log-files.ts'
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

/** The newest checkpoint of a peer's log about us of which the mirror holds every entry. */
export async function mirrorHead(
  tx: LedgerTx,
  peerId: string,
): Promise<{ readonly size: number; readonly root: Buffer; readonly note: string } | undefined> {
  const { rows } = await sql<{ size: number; root: Buffer; note: string }>`
    select size, root, checkpoint as note from mirror_head
    where peer_id = ${peerId} and checkpoint_size = size order by size desc limit 1`.execute(tx)
  return rows[0]
}

type Span = { readonly start: number; readonly end: number }

/** Our logs and the mirrors have the same tables, under names that differ. */
const table = (tree: Tree, name: 'entry' | 'payload' | 'tile') => sql.table('logId' in tree ? name : `mirror_${name}`)
const of = (tree: Tree) => ('logId' in tree ? sql`log_id = ${tree.logId}` : sql`peer_id = ${tree.peerId}`)
const among = (column: 'sequence' | 'position', { start, end }: Span) =>
  sql`${sql.ref(column)} >= ${start} and ${sql.ref(column)} < ${end}`

/** The leaves [start, end), each with its sequence; fewer when entries are missing. */
export async function leaves(
  tx: LedgerTx,
  tree: Tree,
  span: Span,
): Promise<readonly { readonly sequence: number; readonly leaf: Buffer }[]> {
  const { rows } = await sql<{ sequence: number; leaf: Buffer }>`
    select sequence, leaf from ${table(tree, 'entry')}
    where ${of(tree)} and ${among('sequence', span)} order by sequence`.execute(tx)
  return rows
}

/** What stands beside the entries [start, end), where it was not erased, or where it was disclosed. */
export async function payloads(tx: LedgerTx, tree: Tree, span: Span): Promise<readonly PayloadLine[]> {
  const { rows } = await sql<{ sequence: number; salt: Buffer; body: string | Buffer }>`
    select sequence, salt, body from ${table(tree, 'payload')}
    where ${of(tree)} and ${among('sequence', span)} order by sequence`.execute(tx)
  return rows.map(({ sequence, salt, body }) => ({ sequence, salt, payload: Buffer.from(body) }))
}

/** The full tiles [start, end) of one level. */
export async function fullTiles(
  tx: LedgerTx,
  tree: Tree,
  { level, ...span }: Span & { readonly level: number },
): Promise<readonly Tile[]> {
  const { rows } = await sql<Tile>`
    select level, position, hashes from ${table(tree, 'tile')}
    where ${of(tree)} and level = ${level} and ${among('position', span)} order by position`.execute(tx)
  return rows
}

/** The roots of the same: hashes of the level above. */
export async function roots(
  tx: LedgerTx,
  tree: Tree,
  { level, ...span }: Span & { readonly level: number },
): Promise<readonly Buffer[]> {
  const { rows } = await sql<{ root: Buffer }>`
    select root from ${table(tree, 'tile')}
    where ${of(tree)} and level = ${level} and ${among('position', span)} order by position`.execute(tx)
  return rows.map(({ root }) => root)
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
