import { inTransaction } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { endLeases } from '../operations/catalogue/register-kinds.ts'
import { withdrawExpired } from '../operations/residency/overrides.ts'
import type { DoorDeps } from '../rpc/door.ts'

const EVERY_MS = 2_000

/**
 * Ends what has a term: the lease by which a service serves kinds, and overrides that nobody used in time. The second
 * decides nothing; the first is told to gateways, who would otherwise go on asking a service that is gone.
 */
export async function sweepTerms(
  { db, clock, logger }: DoorDeps & { readonly logger: Logger },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const ended = await inTransaction(db, (tx) => endLeases(tx, clock.now()))
      if (ended.length > 0) logger.warn({ sweep: 'kinds', count: ended.length }, 'kinds are served by nobody now')
      const count = await inTransaction(db, (tx) => withdrawExpired(tx, clock.now()))
      if (count > 0) logger.info({ sweep: 'overrides', count }, 'swept')
    } catch (error) {
      logger.warn({ sweep: 'terms', error }, 'the sweep failed and will be repeated')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
