import { KEPT_MS } from '../../grant.ts'
import * as received from '../../store/received-grants.ts'
import type { GrantTx } from '../../store/tables.ts'

/** What a peer gave to us and is over for ninety days is forgotten. */
export async function forgetReceived(tx: GrantTx, now: Date, limit: number): Promise<number> {
  return received.forget(tx, { overBefore: new Date(now.getTime() - KEPT_MS), limit })
}
