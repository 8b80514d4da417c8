import * as entries from '../../store/entries.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import * as shipments from '../../store/mirror-shipments.ts'
import type { LedgerTx } from '../../store/tables.ts'

/**
 * A peer has said how many entries of our log it holds; false when that is more than we have ourselves. Then we may have lost
 * some, which is looked into, and nothing is believed of it meanwhile.
 */
export async function noteArrival(
  tx: LedgerTx,
  now: Date,
  { logId, peerId, size }: { readonly logId: number; readonly peerId: string; readonly size: number },
): Promise<boolean> {
  if (size > (await entries.size(tx, logId))) {
    await mirrorHolds.ringDoubt(tx, peerId)
    return false
  }
  await shipments.arrived(tx, now, { logId, size })
  return true
}
