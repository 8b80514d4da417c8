import type { Contradicted } from '../../alarm.ts'
import { wholeNote } from '../../log-files.ts'
import { PLATFORM_LOG } from '../../new-entry.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from './raise-alarm.ts'

/** What stands in a folder or a stream may be anything, and of any length. */
const EVIDENCE_CHARACTERS = 16_384

/**
 * A copy that is made never to change says something else than the log: one of the two was altered. The evidence is the
 * checkpoint that was found there, where one was, and ours.
 *
 * Copies are ahead of a database that came back from a backup. While what is missing is being fetched that is as it should be.
 */
export async function raiseContradiction(
  tx: LedgerTx,
  now: Date,
  { head, place, detail, found }: Contradicted,
): Promise<void> {
  if (await mirrorHolds.endsSoon(tx, head.name, now)) return
  const peerId = head.name === PLATFORM_LOG ? '' : head.name
  const firstNote = found.slice(0, EVIDENCE_CHARACTERS).replaceAll('\0', '\uFFFD')
  await raiseAlarm(tx, now, { peerId, whose: 'ours', kind: place, detail, firstNote, secondNote: wholeNote(head) })
}
