import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { noteHolders } from './operations/reviews/note-peer.ts'
import type { Tables } from './store/tables.ts'

const EVERY_MS = 60_000

/** Has every holder of a live grant looked at once a minute, so that a revocation nobody told us of ends its grants. */
export async function sweepHolders(
  { db, clock, logger }: { db: Db<Tables>; clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const count = await inTransaction(db, (tx) => noteHolders(tx, clock.now()))
      if (count > 0) logger.info({ sweep: 'holders', count }, 'swept')
    } catch (error) {
      logger.warn({ sweep: 'holders', error }, 'the sweep failed and will be repeated')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
