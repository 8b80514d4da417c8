import type { OwnNote } from '../../lost.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/** Entries that we signed are missing here, and the peer's mirror does not hold them either: an operator has to know. */
export async function raiseLostForGood(
  tx: LedgerTx,
  now: Date,
  { peerId, from, signed }: { readonly peerId: string; readonly from: number; readonly signed: OwnNote },
): Promise<void> {
  const log = await logs.find(tx, peerId)
  const ours = log && (await checkpoints.newest(tx, log.id))
  const detail = `entries ${from} to ${signed.size - 1} of our log are lost, and the peer's mirror does not reach so far`
  const evidence = { firstNote: signed.note, secondNote: ours?.note ?? '' }
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: 'rollback', detail, ...evidence })
}
