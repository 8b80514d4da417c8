import { inTransaction } from '@powernode/postgres'
import * as shipments from '../store/mirror-shipments.ts'
import type { MirrorDeps } from './mirror-deps.ts'

const EVERY_MS = 5_000

/** Shows how far peers' mirrors are behind what we have signed. Which peer it is, ListLogs says. */
export async function measureMirrors(
  { db, clock, logger, metrics }: Pick<MirrorDeps, 'db' | 'clock' | 'logger' | 'metrics'>,
  signal: AbortSignal,
): Promise<void> {
  const lag = metrics.gauge(
    'fed_audit_mirror_lag_seconds',
    'Age of the oldest signed entry that its peer does not hold',
  )
  const behind = metrics.gauge('fed_audit_mirrors_behind', 'Logs of which the peer lacks something that is signed')
  const missing = metrics.gauge('fed_audit_mirror_missing_entries', 'Signed entries that their peers do not hold')
  while (!signal.aborted) {
    try {
      const { logs, entries, since } = await inTransaction(db, shipments.lag)
      lag.set(since ? Math.max(0, clock.now().getTime() - since.getTime()) / 1_000 : 0)
      behind.set(logs)
      missing.set(entries)
    } catch (error) {
      logger.warn({ task: 'mirror', error }, 'how far mirrors are behind cannot be measured')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
