import type { Clock } from '@powernode/clock'
import { inTransaction, type Db, type Tx } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import { BY_OURSELVES } from './events.ts'
import { nameVersion, withdrawVersion } from './operations/name-version.ts'
import { expireInvitations } from './operations/expire-invitations.ts'
import { forgetRevoked } from './operations/forget-revoked.ts'
import { oweBundles, oweRenewals } from './operations/owe-errands.ts'
import { prolongIssuing } from './operations/prolong-issuing.ts'
import { reassessVersions } from './operations/reassess-versions.ts'
import { refreshRevocationLists } from './operations/refresh-revocation-lists.ts'
import type { Us } from './platform.ts'
import type { Tables } from './store/tables.ts'

export type SweepDeps = { readonly db: Db<Tables>; readonly us: Us; readonly clock: Clock; readonly logger: Logger }

type Sweep = {
  readonly everyMs: number
  readonly run: (tx: Tx<Tables>, now: Date, us: Us) => Promise<number>
  /** It does a batch of what is due, and is not done before it says that nothing is. */
  readonly inBatches?: true
}

/** What we do when time passes. Each asks the store what is due and does it; none remembers anything between rounds. */
export const SWEEPS: Readonly<Record<string, Sweep>> = {
  expire_invitations: { everyMs: 10_000, run: expireInvitations },
  owe_bundles: { everyMs: 2_000, run: oweBundles },
  owe_renewals: { everyMs: 5_000, run: oweRenewals },
  prolong_issuing: { everyMs: 3_600_000, run: prolongIssuing },
  forget_revoked: { everyMs: 3_600_000, run: forgetRevoked },
  reassess_versions: {
    everyMs: 60_000,
    run: (tx, now) => reassessVersions(tx, now, { by: BY_OURSELVES }),
    inBatches: true,
  },
  refresh_revocation_lists: { everyMs: 3_600_000, run: refreshRevocationLists },
}

export async function sweep(
  deps: SweepDeps,
  name: string,
  { everyMs, run, inBatches }: Sweep,
  signal: AbortSignal,
): Promise<void> {
  const { db, us, clock, logger } = deps
  while (!signal.aborted) {
    try {
      const count = await inTransaction(db, (tx) => run(tx, clock.now(), us))
      if (count > 0) logger.info({ task: name, count }, 'swept')
      if (inBatches && count > 0) continue
    } catch (error) {
      logger.warn({ task: name, error }, 'sweep failed; it is tried again')
    }
    await clock.sleep(everyMs, signal)
  }
}

/** Says again and again what this process was told of our version. */
export async function keepVersion(
  { told, ...deps }: SweepDeps & { readonly told: Parameters<typeof nameVersion>[2] },
  signal: AbortSignal,
): Promise<void> {
  const say = async (tx: Tx<Tables>, now: Date) => {
    await nameVersion(tx, now, told)
    return 0
  }
  await sweep(deps, 'name_version', { everyMs: 20_000, run: say }, signal)
}

/** The process ends, or could not start: what it was told is taken back. */
export async function takeBackVersion(
  { db, clock, logger }: Pick<SweepDeps, 'db' | 'clock' | 'logger'>,
  told: Parameters<typeof withdrawVersion>[2],
): Promise<void> {
  try {
    await inTransaction(db, (tx) => withdrawVersion(tx, clock.now(), told))
  } catch (error) {
    logger.warn({ task: 'name_version', error }, 'our version was not taken back; it counts for a minute more')
  }
}
