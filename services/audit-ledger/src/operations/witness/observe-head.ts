import { openCheckpoint } from '../../peer-checkpoint.ts'
import * as witnessedKeys from '../../store/witnessed-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'
import { noteRegression } from './note-regression.ts'
import { saidOtherwise } from './said-otherwise.ts'

/** What came of a head: nothing is said of it to the peer, so it is for our own eyes. */
export type Observed = 'agrees' | 'ahead' | 'behind' | 'fork' | 'unreadable'

/**
 * A peer told, with a heartbeat, where its log about us ends.
 *
 * It comes without a proof, so nothing new is witnessed by it; but it is signed, and of a size that we have witnessed there
 * is one root. An idle log is compared that way with every beat, and a log that became shorter shows.
 */
export async function observeHead(
  tx: LedgerTx,
  now: Date,
  { peerId, note }: { readonly peerId: string; readonly note: string },
): Promise<Observed> {
  const keys = await witnessedKeys.newest(tx, peerId)
  const opened = keys && openCheckpoint(note, keys)
  if (!keys || !opened || 'flaw' in opened) return 'unreadable'
  const { checkpoint } = opened
  await witnessed.lock(tx, peerId)
  const other = await saidOtherwise(tx, keys, checkpoint)
  if (other) {
    const notes = { firstNote: other.note, secondNote: checkpoint.note }
    const detail = `size ${checkpoint.size} has two roots`
    await raiseAlarm(tx, now, { peerId, whose: 'theirs', kind: 'fork', detail, ...notes })
    return 'fork'
  }
  const newest = await witnessed.newest(tx, keys)
  if (!newest || newest.size < checkpoint.size) return 'ahead'
  if (newest.size === checkpoint.size) return 'agrees'
  await noteRegression(tx, now, { keys, checkpoint, before: newest })
  return 'behind'
}
