import * as events from '../store/events.ts'
import type { LedgerTx } from '../store/tables.ts'

/** What one answer carries at most, so that it stays below what clients take (4 MiB) in every encoding. */
const BUDGET_BYTES = 1_000_000

/** The recent events that match, the newest first: at most `limit`, and fewer when they are large. */
export async function listEvents(
  tx: LedgerTx,
  _now: Date,
  { filter, limit }: { filter: events.Filter; limit: number },
): Promise<readonly events.Numbered[]> {
  let bytes = 0
  return (await events.recent(tx, filter, limit)).filter(({ payload }) => {
    bytes += JSON.stringify(payload).length
    return bytes <= BUDGET_BYTES
  })
}
