import type { OwedNotice } from '../../notice.ts'
import * as sweeps from '../../store/grant-sweeps.ts'
import * as notices from '../../store/notices.ts'
import type { GrantTx } from '../../store/tables.ts'

/** A peer's platform was told: what arrived is wiped here, and of a bearer it is noted when. */
export async function settleNotice(tx: GrantTx, now: Date, notice: OwedNotice): Promise<void> {
  if (notice.sealedBearer) await sweeps.noteDelivered(tx, notice.grantId, now)
  await notices.settle(tx, notice)
}
