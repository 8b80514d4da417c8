import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { dropOldEvents } from './operations/events/drop-old-events.ts'
import type { LedgerTx, Tables } from './store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }
type Drop = (tx: LedgerTx, now: Date, said: { readonly limit: number }) => Promise<number>

const BATCH = 5_000
const HOUR_MS = 3_600_000
const RETRY_MS = 60_000

/** Drops what the feed has shown for long enough, every hour. */
export const sweepOldEvents = (deps: Deps, signal: AbortSignal): Promise<void> =>
  sweep(deps, { name: 'old-events', drop: dropOldEvents }, signal)

/**
 * In bounded batches, each in a transaction of its own, so that nobody who writes waits for the past to go.
 * A database that is away ends no service: what is old can wait.
 */
async function sweep(
  { db, clock, logger }: Deps,
  { name, drop }: { readonly name: string; readonly drop: Drop },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const dropped = await inTransaction(db, (tx) => drop(tx, clock.now(), { limit: BATCH }))
      if (dropped > 0) logger.info({ sweep: name, count: dropped }, 'sweep')
      if (dropped < BATCH) await clock.sleep(HOUR_MS, signal)
    } catch (error) {
      logger.warn({ sweep: name, error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
