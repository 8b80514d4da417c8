import type { Alarm } from '../../alarm.ts'
import * as alarms from '../../store/alarms.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** As much as a page may be. */
export const MOST = 1_000

/** What was found about logs, the newest first: of one peer or of all, and with `openOnly` what nobody has settled. */
export async function listAlarms(
  tx: LedgerTx,
  _now: Date,
  { limit = MOST, ...filter }: Omit<alarms.AlarmFilter, 'limit'> & { readonly limit?: number },
): Promise<readonly Alarm[]> {
  return alarms.list(tx, { ...filter, limit })
}
