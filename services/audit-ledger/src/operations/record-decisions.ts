import type { Decision } from '../decision.ts'
import * as decisions from '../store/decisions.ts'
import type { LedgerTx } from '../store/tables.ts'

/** Writes down a batch of decisions. Repeating one changes nothing. */
export async function recordDecisions(tx: LedgerTx, _now: Date, said: readonly Decision[]): Promise<void> {
  await decisions.add(tx, said)
}
