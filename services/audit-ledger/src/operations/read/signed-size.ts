import * as checkpoints from '../../store/checkpoints.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** How far a log is signed. */
export async function signedSize(tx: LedgerTx, _now: Date, { log }: { readonly log: string }): Promise<number> {
  const found = await logs.find(tx, log)
  return found ? ((await checkpoints.newest(tx, found.id))?.size ?? 0) : 0
}
