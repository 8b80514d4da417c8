import type { Alarm } from '../../alarm.ts'
import * as alarms from '../../store/alarms.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** A page is enough: of one peer and kind one alarm is open at a time. */
const MOST = 1_000

/** What was found about logs, the newest first: of one peer or of all, and with `openOnly` what nobody has settled. */
export async function listAlarms(
  tx: LedgerTx,
  _now: Date,
  { peerId, openOnly }: { readonly peerId: string; readonly openOnly: boolean },
): Promise<readonly Alarm[]> {
  return alarms.list(tx, { peerId, openOnly, limit: MOST })
}
