import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { dropOldEvents } from './operations/drop-old-events.ts'
import type { Tables } from './store/tables.ts'

const BATCH = 5_000
const HOUR_MS = 3_600_000
const RETRY_MS = 60_000

/** Drops what the feed has shown for long enough, every hour. A database that is away ends no service: what is old can wait. */
export async function sweepOldEvents(
  { db, clock, logger }: { db: Db<Tables>; clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const dropped = await inTransaction(db, (tx) => dropOldEvents(tx, clock.now(), { limit: BATCH }))
      if (dropped > 0) logger.info({ sweep: 'old-events', count: dropped }, 'sweep')
      if (dropped < BATCH) await clock.sleep(HOUR_MS, signal)
    } catch (error) {
      logger.warn({ sweep: 'old-events', error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
