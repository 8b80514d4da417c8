import { PLATFORM_LOG } from '../../new-entry.ts'
import * as checkpoints from '../../store/checkpoints.ts'
import * as holds from '../../store/holds.ts'
import type { Log } from '../../store/logs.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/**
 * Entries or tiles of a log are not there: its tree cannot be computed, so nothing can be signed of it or added to it. It goes
 * on hold until an operator has looked, and keeps no other log waiting.
 */
export async function holdDamaged(
  tx: LedgerTx,
  now: Date,
  { log, reason }: { log: Pick<Log, 'id' | 'name'>; reason: string },
): Promise<void> {
  if ((await holds.reasonOf(tx, log.id)) !== undefined) return
  await holds.change(tx, { logId: log.id, held: true, reason }, now)
  const peerId = log.name === PLATFORM_LOG ? '' : log.name
  const firstNote = (await checkpoints.newest(tx, log.id))?.note ?? ''
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: 'rollback', detail: reason, firstNote, secondNote: '' })
}
