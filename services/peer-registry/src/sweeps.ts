import type { Clock } from '@powernode/clock'
import { inTransaction, type Db, type Tx } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { expireInvitations } from './operations/expire-invitations.ts'
import { forgetRevoked } from './operations/forget-revoked.ts'
import { oweBundles, oweRenewals } from './operations/owe-errands.ts'
import { prolongIssuing } from './operations/prolong-issuing.ts'
import { refreshRevocationLists } from './operations/refresh-revocation-lists.ts'
import type { Us } from './platform.ts'
import type { Tables } from './store/tables.ts'

export type SweepDeps = { readonly db: Db<Tables>; readonly us: Us; readonly clock: Clock; readonly logger: Logger }

type Sweep = { readonly everyMs: number; readonly run: (tx: Tx<Tables>, now: Date, us: Us) => Promise<number> }

/** What we do when time passes. Each asks the store what is due and does it; none remembers anything between rounds. */
export const SWEEPS: Readonly<Record<string, Sweep>> = {
  expire_invitations: { everyMs: 10_000, run: expireInvitations },
  owe_bundles: { everyMs: 1_000, run: oweBundles },
  owe_renewals: { everyMs: 5_000, run: oweRenewals },
  prolong_issuing: { everyMs: 3_600_000, run: prolongIssuing },
  forget_revoked: { everyMs: 3_600_000, run: forgetRevoked },
  refresh_revocation_lists: { everyMs: 3_600_000, run: refreshRevocationLists },
}

export async function sweep(
  deps: SweepDeps,
  name: string,
  { everyMs, run }: Sweep,
  signal: AbortSignal,
): Promise<void> {
  const { db, us, clock, logger } = deps
  while (!signal.aborted) {
    try {
      const count = await inTransaction(db, (tx) => run(tx, clock.now(), us))
      if (count > 0) logger.info({ task: name, count }, 'swept')
    } catch (error) {
      logger.warn({ task: name, error }, 'sweep failed; it is tried again')
    }
    await clock.sleep(everyMs, signal)
  }
}
