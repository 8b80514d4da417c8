import { replaceSettings, type Settings } from '../../settings.ts'
import * as reviews from '../../store/reviews.ts'
import * as settings from '../../store/settings.ts'
import type { GrantTx } from '../../store/tables.ts'

/** More than there are peers: what is tightened is tightened for each of them. */
const ALL = 1_000_000

/**
 * What the platform gives by itself, and how far an operator may go, is replaced as a whole.
 *
 * What it says of the operator grant holds for those that were given as well, so every peer is looked at again.
 */
export async function setSettings(tx: GrantTx, now: Date, wanted: Settings): Promise<Settings> {
  const before = await settings.lock(tx)
  const after = replaceSettings(before, wanted)
  await settings.save(tx, after)
  const same =
    before.operatorGrant === after.operatorGrant &&
    before.operatorGrantScopes.join() === after.operatorGrantScopes.join()
  if (!same) await reviews.ringForKnown(tx, now, { reviewedBefore: now, limit: ALL })
  return after
}
