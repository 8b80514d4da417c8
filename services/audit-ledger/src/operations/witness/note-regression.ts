import type { PeerCheckpoint } from '../../peer-checkpoint.ts'
import type { PeerKeys } from '../../peer-keys.ts'
import * as witnessed from '../../store/witnessed.ts'
import type { Witnessed } from '../../store/witnessed.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { raiseAlarm } from '../alarms/raise-alarm.ts'

/**
 * How long a platform that was put back from a backup has to fetch its entries from our mirror, which it can only while it
 * is not suspended. It also outlasts every message that was on its way when a longer checkpoint overtook it.
 */
export const RECOVERY_MS = 60_000

/**
 * A peer shows as its newest a checkpoint that is shorter than what we had witnessed.
 *
 * Seen once it may be late, or the platform lost entries that it will fetch from us. Still so after a minute, with nothing
 * longer seen in between, the peer stands by it: that is a rollback. MUST hold the log's lock.
 */
export async function noteRegression(
  tx: LedgerTx,
  now: Date,
  { keys, checkpoint, before }: { keys: PeerKeys; checkpoint: PeerCheckpoint; before: Witnessed },
): Promise<void> {
  const { peerId, origin } = keys
  const { size, note } = checkpoint
  const firstSeen = await witnessed.noteRegression(tx, { peerId, origin, witnessedSize: before.size, size, note }, now)
  if (now.getTime() - firstSeen.getTime() < RECOVERY_MS) return
  const detail = `the log ends at ${size}; its checkpoint of size ${before.size} had been witnessed`
  const notes = { firstNote: before.note, secondNote: note }
  await raiseAlarm(tx, now, { peerId, whose: 'theirs', kind: 'rollback', detail, ...notes })
}
