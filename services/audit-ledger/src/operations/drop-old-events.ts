import { limitsAt } from '../retention.ts'
import * as events from '../store/events.ts'
import type { LedgerTx } from '../store/tables.ts'

/** Drops a batch of events that the feed has shown for long enough. The ledger keeps their entries. */
export async function dropOldEvents(tx: LedgerTx, now: Date, { limit }: { limit: number }): Promise<number> {
  let dropped = 0
  for (const run of limitsAt(now)) dropped += await events.drop(tx, run, limit - dropped)
  return dropped
}
