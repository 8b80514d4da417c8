import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import * as sweeps from '../store/grant-sweeps.ts'
import type { Tables } from '../store/tables.ts'

const EVERY_MS = 30_000

/** Shows in the metrics how many grants live and how soon the next one ends, until told to stop. */
export async function measureGrants(
  deps: { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics },
  signal: AbortSignal,
): Promise<void> {
  const { db, clock, logger, metrics } = deps
  const active = metrics.gauge('fed_grant_active', 'Grants that peers can use')
  const expiry = metrics.gauge('fed_grant_expiry_timestamp_seconds', 'When the next grant ends; 0: there is none')
  while (!signal.aborted) {
    try {
      const now = clock.now()
      const figures = await inTransaction(db, (tx) => sweeps.figures(tx, now))
      active.set(figures.active)
      expiry.set((figures.nextExpiry?.getTime() ?? 0) / 1_000)
    } catch (error) {
      logger.warn({ task: 'measure_grants', error }, 'grants cannot be counted')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
