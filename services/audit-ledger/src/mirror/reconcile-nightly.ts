import { inTransaction } from '@powernode/postgres'
import { recordComparison } from '../operations/reconcile/record-comparison.ts'
import * as reconciliations from '../store/mirror-reconciliations.ts'
import type { MirrorDeps } from './mirror-deps.ts'

const LOOK_MS = 60_000
const AT_ONCE = 100

/** Compares our log about each peer with the peer's about us, once a day, one after the other. MUST run in one replica. */
export async function reconcileNightly(deps: MirrorDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, logger, reconcileEveryMs } = deps
  while (!signal.aborted) {
    let found = 0
    try {
      const since = new Date(clock.now().getTime() - reconcileEveryMs)
      const due = await inTransaction(db, (tx) => reconciliations.due(tx, { since, limit: AT_ONCE }))
      found = due.length
      for (const one of due) if (!signal.aborted) await reconcileOne(deps, one, signal)
    } catch (error) {
      found = 0
      logger.warn({ task: 'reconcile', error }, 'logs cannot be compared, and will be later')
    }
    if (found < AT_ONCE) await clock.sleep(Math.min(LOOK_MS, reconcileEveryMs), signal)
  }
}

async function reconcileOne(
  { db, clock, logger, metrics }: MirrorDeps,
  { peerId, comparedUntil }: reconciliations.Due,
  signal: AbortSignal,
): Promise<void> {
  const counted = metrics.counter('fed_audit_reconcile_differences_total', 'Calls that two logs do not tell alike')
  const said = { peerId, since: comparedUntil ?? undefined, signal }
  const count = await inTransaction(db, (tx) => recordComparison(tx, clock.now(), said), { signal })
  counted.inc(count)
  const outcome = count === 0 ? 'alike' : 'differences'
  logger.info({ task: 'reconcile', peer_id: peerId, count, outcome }, 'compared two logs')
}
