import { sql } from 'kysely'
import type { LedgerTx } from './tables.ts'

type Change = { readonly logId: number; readonly held: boolean; readonly reason: string }

/** Puts a log on hold, or lets it go on: whoever takes its lock next looks at the newest change. */
export async function change(tx: LedgerTx, { logId, held, reason }: Change, now: Date): Promise<void> {
  await tx.insertInto('hold').values({ log_id: logId, held, reason, at: now }).execute()
}

/** Why a log takes no entries; undefined when it does. */
export async function reasonOf(tx: LedgerTx, logId: number): Promise<string | undefined> {
  const newest = await tx
    .selectFrom('hold')
    .select(['held', 'reason'])
    .where('log_id', '=', logId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
  return newest?.held ? newest.reason : undefined
}

/** How many logs take no entries. */
export async function count(tx: LedgerTx): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*) as n from (select distinct on (log_id) held from hold order by log_id, id desc) newest
    where held`.execute(tx)
  return rows[0]?.n ?? 0
}
