import { Refusal } from '@powernode/rpc'
import { holdsOurLog, type Alarm } from '../../alarm.ts'
import { alarmSettled } from '../../events/alarms.ts'
import { PLATFORM_LOG } from '../../new-entry.ts'
import * as alarms from '../../store/alarms.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { goOnAsSettled } from '../mirror/settle-recovery.ts'

/**
 * An operator has looked into an alarm. What was found stays, with who settled it and what they said; the first word
 * stands. The same thing found again after this is a new alarm. A log of ours that waited for this goes on.
 */
export async function settleAlarm(
  tx: LedgerTx,
  now: Date,
  { id, by, note }: { readonly id: string; readonly by: string; readonly note: string },
): Promise<Alarm> {
  const alarm = await alarms.find(tx, id)
  if (!alarm) throw new Refusal('ALARM_NOT_FOUND', `there is no alarm ${id}`, { next: 'fedctl audit alarms' })
  const isFirst = await alarms.settle(tx, { id, by, note }, now)
  if (isFirst && holdsOurLog(alarm)) await goOnAsSettled(tx, now, { log: alarm.peerId || PLATFORM_LOG })
  if (isFirst) await alarmSettled(tx, alarm, { actor: by, note, at: now })
  return (await alarms.find(tx, id)) ?? alarm
}
