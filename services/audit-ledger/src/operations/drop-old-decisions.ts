import { keptSince } from '../decision.ts'
import * as decisions from '../store/decisions.ts'
import type { LedgerTx } from '../store/tables.ts'

/** Drops a batch of decisions that were kept for long enough; returns how many went. */
export async function dropOldDecisions(tx: LedgerTx, now: Date, { limit }: { limit: number }): Promise<number> {
  return decisions.drop(tx, keptSince(now), limit)
}
