import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger, Metrics } from '@powernode/process'
import type { Policy } from '@powernode/tlog'
import { countWithoutQuorum } from '../operations/read/quorum-of.ts'
import type { Tables } from '../store/tables.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly policy: Policy | undefined
}

const EVERY_MS = 60_000
/** Witnesses are asked one by one: so long a checkpoint may wait for the last of them. */
const PATIENCE_MS = 60_000

/** Shows how many logs wait for the witnesses that WITNESS_POLICY_FILE asks for. Which they are, ListLogs says. */
export async function measureQuorum(deps: Deps, signal: AbortSignal): Promise<void> {
  const { db, clock, logger, metrics, policy } = deps
  const missing = metrics.gauge(
    'fed_audit_logs_without_quorum',
    'Logs with a checkpoint that lacks cosignatures of WITNESS_POLICY_FILE for more than a minute',
  )
  while (policy && !signal.aborted) {
    try {
      const before = new Date(clock.now().getTime() - PATIENCE_MS)
      missing.set(await inTransaction(db, (tx) => countWithoutQuorum(tx, clock.now(), { policy, before })))
    } catch (error) {
      logger.warn({ task: 'quorum', error }, 'logs that wait for witnesses cannot be counted now')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}
