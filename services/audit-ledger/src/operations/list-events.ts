import * as events from '../store/events.ts'
import type { LedgerTx } from '../store/tables.ts'

/** The recent events that match, the newest first. */
export async function listEvents(
  tx: LedgerTx,
  _now: Date,
  { filter, limit }: { filter: events.Filter; limit: number },
): Promise<readonly events.Numbered[]> {
  return events.recent(tx, filter, limit)
}
