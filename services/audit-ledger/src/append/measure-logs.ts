import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import { countLogs } from '../operations/read/count-logs.ts'
import type { Tables } from '../store/tables.ts'

type Deps = { readonly db: Db<Tables>; readonly clock: Clock; readonly logger: Logger; readonly metrics: Metrics }

const EVERY_MS = 15_000

/** Now and then: how many logs there are, and how many of them wait for a signature or take no entries. */
export async function measureLogs({ db, clock, logger, metrics }: Deps, signal: AbortSignal): Promise<void> {
  const logs = metrics.gauge('fed_audit_logs', 'Logs by what state they are in', ['state'])
  while (!signal.aborted) {
    try {
      const { all, unsigned, held } = await inTransaction(db, (tx) => countLogs(tx, clock.now()))
      logs.set({ state: 'all' }, all)
      logs.set({ state: 'unsigned' }, unsigned)
      logs.set({ state: 'held' }, held)
    } catch (error) {
      logger.warn({ task: 'measure-logs', error }, 'logs cannot be counted now')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
