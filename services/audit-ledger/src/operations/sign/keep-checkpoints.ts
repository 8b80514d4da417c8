import { PLATFORM_LOG } from '../../new-entry.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/**
 * Keeps what was signed before anybody gets to see it: of each size of a log there is one root, and it stays.
 *
 * Should a tree say another root for a size that was signed, then somebody altered what was written. That log goes on hold:
 * nothing is written to it or signed of it until an operator has looked.
 */
export async function keepCheckpoints(
  tx: LedgerTx,
  now: Date,
  signed: readonly checkpoints.Checkpoint[],
): Promise<{ readonly altered: readonly number[] }> {
  const altered: number[] = []
  const added = await checkpoints.add(tx, signed)
  const isNew = new Set(added.map(({ logId, size }) => `${logId}/${size}`))
  for (const { logId, size, root, note } of signed) {
    if (isNew.has(`${logId}/${size}`)) continue
    const before = await checkpoints.ofSize(tx, logId, size)
    if (!before || Buffer.compare(before.root, root) === 0) continue
    altered.push(logId)
    const reason = `the tree of ${size} entries is not the one that was signed`
    if ((await holds.reasonOf(tx, logId)) !== undefined) continue
    await holds.change(tx, { logId, held: true, reason }, now)
    await alarmAltered(tx, now, { logId, reason, firstNote: before.note, secondNote: note === before.note ? '' : note })
  }
  return { altered }
}

/** A log that was altered is news, told as loudly as if a peer had found out. */
async function alarmAltered(
  tx: LedgerTx,
  now: Date,
  { logId, reason, ...notes }: { logId: number; reason: string; firstNote: string; secondNote: string },
): Promise<void> {
  const log = await logs.byId(tx, logId)
  const peerId = !log || log.name === PLATFORM_LOG ? '' : log.name
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: 'fork', detail: reason, ...notes })
}
