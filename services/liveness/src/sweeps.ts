import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { BeatMetrics } from './metrics/beat-metrics.ts'
import { silencePeers } from './operations/silence-peers.ts'
import * as freshness from './store/freshness.ts'
import type { Tables } from './store/tables.ts'

type Deps = {
  readonly db: Db<Tables>
  readonly clock: Clock
  readonly metrics: BeatMetrics
  readonly logger: Logger
}

/** How many peers one transaction silences: enough to be fast, few enough that a beat never waits long for a lock. */
const BATCH = 1_000
const MEASURE_EVERY_MS = 30_000

/**
 * Every `everyMs`, peers whose deadline has passed fall silent.
 *
 * Every replica may sweep: rows that another one is at are skipped. A round ends when nothing is due any more.
 */
export async function sweepSilent(
  { db, clock, metrics, logger }: Deps,
  { everyMs }: { everyMs: number },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const count = await sweepOnce({ db, clock }, signal)
      if (count > 0) {
        metrics.transitions.inc({ kind: 'silent' }, count)
        logger.info({ sweep: 'silent', count }, 'peers fell silent')
      }
    } catch (error) {
      logger.error({ sweep: 'silent', error }, 'the sweep failed and will be repeated')
    }
    await clock.sleep(everyMs, signal)
  }
}

/** One round: everything that is due now. Returns how many peers fell silent. */
export async function sweepOnce({ db, clock }: Pick<Deps, 'db' | 'clock'>, signal: AbortSignal): Promise<number> {
  for (let total = 0; ;) {
    const count = await inTransaction(db, (tx) => silencePeers(tx, clock.now(), { limit: BATCH }))
    total += count
    if (count < BATCH || signal.aborted) return total
  }
}

/** Now and then, how old what we know is: the figure by which an operator sees trouble before peers fall silent. */
export async function measureAge({ db, clock, metrics, logger }: Deps, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const { heard, heardByThem } = await inTransaction(db, (tx) => freshness.ages(tx, clock.now()))
      for (const [direction, ages] of [
        ['heard', heard],
        ['heard_by_them', heardByThem],
      ] as const) {
        SHARES.forEach((share, at) => metrics.dataAge.set({ direction, share }, ages[at] ?? 0))
      }
    } catch (error) {
      logger.warn({ sweep: 'age', error }, 'the age of what we know could not be measured')
    }
    await clock.sleep(MEASURE_EVERY_MS, signal)
  }
}

const SHARES = ['0.5', '0.99', '1'] as const
