import { differencesFound, logsReconciled } from '../../events/mirror.ts'
import type { Difference } from '../../comparison.ts'
import * as reconciliations from '../../store/mirror-reconciliations.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { compareLogs } from './compare-logs.ts'

export type Said = { readonly peerId: string; readonly since: Date | undefined; readonly signal: AbortSignal }

/** More than these are only counted. */
const MOST_KEPT = 100

/**
 * Compares our log about a peer with the peer's about us, as every night, and tells what it found: each difference once, since
 * the next comparison begins where this one left nothing open.
 */
export async function recordComparison(tx: LedgerTx, now: Date, { peerId, since, signal }: Said): Promise<number> {
  const found: Difference[] = []
  const onProgress = ({ differences }: { readonly differences: readonly Difference[] }) => {
    found.push(...differences.slice(0, MOST_KEPT - found.length))
  }
  const compared = await compareLogs(tx, now, { peerId, since, until: undefined, onProgress, signal })
  const { counts, openSince: comparedUntil } = compared
  await reconciliations.add(tx, { peerId, at: now, comparedUntil, counts })
  await logsReconciled(tx, peerId, compared, now)
  if (found.length > 0) await differencesFound(tx, peerId, { compared, differences: found }, now)
  return counts.missing_here + counts.missing_there + counts.differing + counts.repeated
}
