import { Refusal } from '@powernode/rpc'
import * as decisions from '../store/decisions.ts'
import type { LedgerTx } from '../store/tables.ts'

/** One decision and where it stands, by our id of it or by the other side's. */
export async function getDecision(tx: LedgerTx, _now: Date, { id }: { readonly id: string }): Promise<decisions.Call> {
  const found = await decisions.find(tx, id)
  if (found) return found
  throw new Refusal('DECISION_NOT_FOUND', `no decision here is known as ${id}`, {
    metadata: { decision_id: id },
    next: 'decisions are kept for 35 days, each by the platform that made it; ask on the other side: fedctl why',
  })
}
