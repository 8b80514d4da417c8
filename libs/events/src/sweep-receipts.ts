import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { STREAM_MAX_AGE_MS } from './ensure-stream.ts'
import { dropReceipts } from './inbox.ts'

/** Twice as long as JetStream can deliver the event, and the outbox can publish it again. */
const RECEIPT_MS = 2 * STREAM_MAX_AGE_MS
const BATCH = 5_000
const HOUR_MS = 3_600_000
const RETRY_MS = 60_000

/**
 * Drops receipts of events that can no longer arrive. For services whose role may delete them. A database that is away
 * ends no service: what is old can wait.
 */
export async function sweepReceipts<DB>(
  { db, clock, logger }: { db: Db<DB>; clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const before = new Date(clock.now().getTime() - RECEIPT_MS)
    try {
      const dropped = await inTransaction(db, (tx) => dropReceipts(tx, before, BATCH))
      if (dropped < BATCH) await clock.sleep(HOUR_MS, signal)
    } catch (error) {
      logger.warn({ sweep: 'receipts', error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
