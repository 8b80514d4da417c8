import * as holds from '../../store/holds.ts'
import * as logs from '../../store/logs.ts'
import * as mirrorHolds from '../../store/mirror-holds.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Locks of so many logs fit into what a server has for locks, besides those of others. */
const AT_ONCE = 500

/**
 * Puts a page of peers' logs on hold until their peers have said what they have seen; returns where to go on, or undefined
 * when this start of the database server is dealt with.
 *
 * A database that was restored from a backup, or stands in for one that is gone, was started since we wrote to it. It may
 * lack entries that were signed; to append before that is known would make two histories of one log, and nothing mends that.
 * So from the moment it is there until this is over, the database itself takes no entries (`came_back`).
 */
export async function doubtAfterRestart(
  tx: LedgerTx,
  now: Date,
  { after }: { readonly after: string },
): Promise<string | undefined> {
  if (!(await mirrorHolds.isStartedAnew(tx))) return undefined
  const names = await mirrorHolds.takingEntries(tx, { after, limit: AT_ONCE })
  const ends = await logs.takeEnds(tx, names)
  // Looked at again under the locks. What an end says of itself does not do: until this is over, all of them are held.
  const taking = new Set(await mirrorHolds.takingEntries(tx, { after, limit: AT_ONCE }))
  for (const { id, name, size } of ends) {
    if (taking.has(name) && size > 0)
      await holds.change(tx, { logId: id, held: true, reason: mirrorHolds.IN_DOUBT }, now)
  }
  const last = names.at(-1)
  if (last === undefined) await mirrorHolds.noteStart(tx, now)
  return last
}
