import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { timeOutApprovals } from '../operations/approvals/time-out-approvals.ts'
import type { Tables } from '../store/tables.ts'

const EVERY_MS = 5_000

/** Rejects what nobody approved in time. A vote that comes first settles it as well: nothing hangs on this being punctual. */
export async function sweepApprovals(
  { db, clock, logger }: { db: Db<Tables>; clock: Clock; logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const count = await inTransaction(db, (tx) => timeOutApprovals(tx, clock.now()))
      if (count > 0) logger.info({ sweep: 'approvals', count }, 'swept')
    } catch (error) {
      logger.warn({ sweep: 'approvals', error }, 'the sweep failed and will be repeated')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
