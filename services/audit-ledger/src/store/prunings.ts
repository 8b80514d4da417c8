import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

export type Pruning = { readonly logId: number; readonly below: number; readonly statement: string; readonly at: Date }

/** Says that the entries below a size may go. The database refuses it above what a witness has cosigned. */
export async function add(tx: LedgerTx, { logId, below, statement, at }: Pruning): Promise<void> {
  await tx.insertInto('pruning').values({ log_id: logId, below, statement, at }).execute()
}

/** Below which size a log's entries are gone, or going; 0 when all are kept. */
export async function prunedBelow(tx: LedgerTx, logId: number): Promise<number> {
  return (await newest(tx, logId))?.below ?? 0
}

export async function newest(tx: LedgerTx, logId: number): Promise<Pruning | undefined> {
  return tx
    .selectFrom('pruning')
    .select(['log_id as logId', 'below', 'statement', 'at'])
    .where('log_id', '=', logId)
    .orderBy('below', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Drops a batch of what the newest pruning of a log allows; returns how many rows of entries and checkpoints went. */
export async function drop(tx: LedgerTx, logId: number, limit: number): Promise<number> {
  const { rows } = await sql<{ n: number }>`select drop_pruned(${logId}, ${limit}) as n`.execute(tx)
  return rows[0]?.n ?? 0
}

/** Logs of which entries or checkpoints below a pruning are still there: a process ended between saying and doing. */
export async function unfinished(tx: LedgerTx): Promise<readonly number[]> {
  const { rows } = await sql<{ id: number }>`
    select p.log_id as id from (select log_id, max(below) as below from pruning group by log_id) p
    where exists (select from entry where entry.log_id = p.log_id and entry.sequence < p.below)
      or exists (select from checkpoint where checkpoint.log_id = p.log_id and checkpoint.size < p.below)`.execute(tx)
  return rows.map(({ id }) => id)
}
