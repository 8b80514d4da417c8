import type { CopyPlace } from '../log-files.ts'
import type { LedgerTx } from './tables.ts'

export type Copied = { readonly logId: number; readonly place: CopyPlace; readonly size: number }

/** A copy of a log has come so far. */
export async function tell(tx: LedgerTx, { logId, place, size }: Copied, now: Date): Promise<void> {
  await tx
    .insertInto('copied')
    .values({ log_id: logId, place, size, at: now })
    .onConflict((on) => on.columns(['log_id', 'place']).doUpdateSet({ size, at: now }))
    .execute()
}

/** How far the copies of each of these logs have come; 0: nothing is there. */
export async function sizesOf(
  tx: LedgerTx,
  logIds: readonly number[],
): Promise<(logId: number, place: CopyPlace) => number> {
  if (logIds.length === 0) return () => 0
  const rows = await tx
    .selectFrom('copied')
    .select(['log_id as logId', 'place', 'size'])
    .where('log_id', 'in', [...logIds])
    .execute()
  const sizes = new Map(rows.map((row) => [`${row.logId}/${row.place}`, row.size]))
  return (logId, place) => sizes.get(`${logId}/${place}`) ?? 0
}
