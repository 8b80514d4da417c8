import { differencesFound, logsReconciled } from '../../events/mirror.ts'
import type { Difference } from '../../comparison.ts'
import * as calls from '../../store/mirror-calls.ts'
import * as reconciliations from '../../store/mirror-reconciliations.ts'
import type { LedgerTx } from '../../store/tables.ts'
import { compareLogs, DEFAULT_DAYS } from './compare-logs.ts'

export type Said = { readonly peerId: string; readonly since: Date | undefined; readonly signal: AbortSignal }

/** More than these are only counted. */
const MOST_KEPT = 100

/**
 * Compares our log about a peer with the peer's about us, as every night, and tells what it found: each difference once, since
 * the next comparison begins where this one left nothing open. Only a peer that tells of a call late, or dates it back, has that
 * time compared again: else it could write down what never was, and nobody would ever object.
 */
export async function recordComparison(tx: LedgerTx, now: Date, { peerId, since, signal }: Said): Promise<number> {
  const found: Difference[] = []
  const onProgress = ({ differences }: { readonly differences: readonly Difference[] }) => {
    found.push(...differences.slice(0, MOST_KEPT - found.length))
  }
  const from = since && (await beginning(tx, now, { peerId, since }))
  const compared = await compareLogs(tx, now, { peerId, since: from, until: undefined, onProgress, signal })
  const { counts, openSince: comparedUntil } = compared
  await reconciliations.add(tx, { peerId, at: now, comparedUntil, counts })
  await logsReconciled(tx, peerId, compared, now)
  if (found.length > 0) await differencesFound(tx, peerId, { compared, differences: found }, now)
  return counts.missing_here + counts.missing_there + counts.differing + counts.repeated
}

async function beginning(tx: LedgerTx, now: Date, { peerId, since }: { peerId: string; since: Date }): Promise<Date> {
  const told = (await calls.firstToldSinceCompared(tx, peerId)) ?? since
  const earliest = Math.max(told.getTime(), now.getTime() - DEFAULT_DAYS * DAY_MS)
  return new Date(Math.min(earliest, since.getTime()))
}
const DAY_MS = 86_400_000
