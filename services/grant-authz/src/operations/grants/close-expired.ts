import * as sweeps from '../../store/grant-sweeps.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Of grants whose end has come it is noted that they are over, for good: no clock that is behind brings one back. */
export async function closeExpired(tx: GrantTx, now: Date, limit: number): Promise<number> {
  return sweeps.closeExpired(tx, now, limit)
}
