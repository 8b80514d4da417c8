import type { Clock, Doorbell } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { Signer } from '@powernode/tlog'
import { pruneByAge, type Asked as PruneAsked, type PrunedLog } from '../operations/erase/prune-by-age.ts'
import { dropPruned } from '../operations/erase/prune-log.ts'
import { runOut, type Asked, type RanOut } from '../operations/erase/run-out.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger }

/** Logs looked at in one transaction, and entries that lose their payload in it. */
const LOGS = 100
const ENTRIES = 5_000
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const RETRY_MS = 60_000

/** Every hour: by what calls were decided goes once it was kept for long enough. */
export async function sweepRunOut({ db, clock, logger }: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      let count = 0
      for (let at: string | undefined = ''; at !== undefined && !signal.aborted;) {
        const asked: Asked = { after: at, logs: LOGS, entries: ENTRIES }
        const { after, erased }: RanOut = await inTransaction(db, (tx) => runOut(tx, clock.now(), asked))
        at = after
        count += erased
      }
      if (count > 0) logger.info({ sweep: 'run-out', count }, 'sweep')
      await clock.sleep(HOUR_MS, signal)
    } catch (error) {
      logger.warn({ sweep: 'run-out', error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

/** Every day, where a retention is configured: entries that are older may go. */
export async function sweepRetention(
  { db, clock, logger }: Deps,
  { keptMs, signerOf, onPruned }: Retention,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      let count = 0
      for (let after: string | undefined = ''; after !== undefined && !signal.aborted;) {
        const asked: PruneAsked = { after, keptMs, signerOf }
        const pruned: PrunedLog | undefined = await inTransaction(db, (tx) => pruneByAge(tx, clock.now(), asked))
        after = pruned?.log
        count += pruned?.entries ?? 0
      }
      if (count > 0) {
        logger.info({ sweep: 'retention', count }, 'sweep')
        onPruned()
      }
      await clock.sleep(DAY_MS, signal)
    } catch (error) {
      logger.warn({ sweep: 'retention', error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}

export type Retention = {
  readonly keptMs: number
  readonly signerOf: (origin: string) => Signer
  readonly onPruned: () => void
}

/** Drops entries that were pruned, when rung, and after a start: what a process left undone is done by the next. */
export async function sweepPruned({ db, clock, logger }: Deps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const more = await inTransaction(db, (tx) => dropPruned(tx, clock.now(), { limit: ENTRIES }))
      if (!more) await bell.wait(clock, HOUR_MS, signal)
    } catch (error) {
      logger.warn({ sweep: 'pruned', error }, 'the sweep failed and will be repeated')
      await clock.sleep(RETRY_MS, signal)
    }
  }
}
