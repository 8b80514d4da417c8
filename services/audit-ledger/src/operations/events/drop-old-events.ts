import { sweptAt } from '../../retention.ts'
import * as events from '../../store/events.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Drops a batch of events that nobody is shown any more. The ledger keeps their entries. */
export function dropOldEvents(tx: LedgerTx, now: Date, { limit }: { readonly limit: number }): Promise<number> {
  return events.drop(tx, sweptAt(now), limit)
}
