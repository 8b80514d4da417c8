import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import type { LedgerTx } from '../../store/tables.ts'

/**
 * A peer has not said in time what it has seen of our log: the log goes on. What is written from here on may turn out to have
 * grown apart from what it saw, and then both sides' notes say so.
 */
export async function giveUpWaiting(tx: LedgerTx, now: Date, { peerId }: { readonly peerId: string }): Promise<void> {
  const [end] = await logs.takeEnds(tx, [peerId])
  if (!end || (await holds.reasonOf(tx, end.id)) !== mirrorHolds.IN_DOUBT) return
  const reason = 'the peer did not say in time what it has seen of this log'
  await holds.change(tx, { logId: end.id, held: false, reason }, now)
}
