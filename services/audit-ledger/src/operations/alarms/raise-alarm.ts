import { isContradiction, type Alarm, type Finding } from '../../alarm.ts'
import { forkDetected } from '../../events/alarms.ts'
import * as alarms from '../../store/alarms.ts'
import type { LedgerTx } from '../../store/tables.ts'

/**
 * Something was found about a log that should never be.
 *
 * The evidence and the news share a transaction. The same thing found again, while the alarm is open, is the same alarm:
 * a peer that shows its fork with every beat fills neither our tables nor anybody's feed.
 * Heard by peer-registry (asks for the evidence, and suspends).
 */
export async function raiseAlarm(tx: LedgerTx, now: Date, found: Finding): Promise<Alarm> {
  await alarms.lock(tx, found.peerId)
  const open = await alarms.findOpen(tx, found)
  if (open) return open
  const alarm = await alarms.add(tx, found, now)
  if (isContradiction(alarm)) await forkDetected(tx, alarm)
  return alarm
}
