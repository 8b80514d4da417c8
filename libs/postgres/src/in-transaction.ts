import { backoffMs, systemClock } from '@powernode/clock'
import { asReplacedSealingKey, CommitOutcomeUnknown, isConflict, isConnectionLost, wasNeverSent } from './failures.ts'
import type { Db, Tx } from './open-db.ts'

export type TransactionOptions = {
  /** READ COMMITTED unless said otherwise. */
  readonly isolation?: 'serializable' | 'repeatable read'
  /** Ends the waiting between attempts; the last failure is thrown. */
  readonly signal?: AbortSignal
  /** Hears of each attempt that failed and will be repeated. */
  readonly onRetry?: (error: unknown, attempt: number) => void
}

const MOST_RETRIES = 5
const AFTER_CONFLICT = { firstMs: 10, mostMs: 200 }
const AFTER_LOSS = { firstMs: 100, mostMs: 2_000 }
const NEVER = new AbortController().signal

/**
 * Runs `work` in a transaction, and again when it did not happen for a passing reason.
 *
 * Passing are: a serialization failure, a deadlock, a connection lost before COMMIT was sent. `work` may therefore run
 * several times and MUST touch nothing but `tx`. A connection lost during COMMIT is not repeated, because it may have
 * happened: that throws `CommitOutcomeUnknown`.
 */
export async function inTransaction<T, R>(
  db: Db<T>,
  work: (tx: Tx<T>) => Promise<R>,
  options: TransactionOptions = {},
): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(db, work, options)
    } catch (error) {
      const waitMs = waitBeforeRetry(error, attempt)
      if (waitMs === undefined || attempt > MOST_RETRIES || options.signal?.aborted) throw error
      options.onRetry?.(error, attempt)
      await systemClock.sleep(waitMs, options.signal ?? NEVER)
      if (options.signal?.aborted) throw error
    }
  }
}

async function attemptOnce<T, R>(
  db: Db<T>,
  work: (tx: Tx<T>) => Promise<R>,
  {
    isolation = 'read committed' as const,
  }: { readonly isolation?: TransactionOptions['isolation'] | 'read committed' },
): Promise<R> {
  const tx = await db.startTransaction().setIsolationLevel(isolation).execute()
  // Whatever fails, its error is the one to throw: where a rollback fails too, the server does it by itself.
  const abandon = () =>
    tx
      .rollback()
      .execute()
      .catch(() => {})
  let result: R
  try {
    result = await work(tx)
  } catch (error) {
    await abandon()
    throw asReplacedSealingKey(error)
  }
  try {
    await tx.commit().execute()
  } catch (error) {
    await abandon()
    // A conflict found at COMMIT is an answer: it did not happen. So it did not when COMMIT was never sent.
    throw isConnectionLost(error) && !wasNeverSent(error) ? new CommitOutcomeUnknown(error) : error
  }
  return result
}

/** How long to wait before running it again, or undefined when that would not help, or not be safe. */
function waitBeforeRetry(error: unknown, attempt: number): number | undefined {
  if (error instanceof CommitOutcomeUnknown) return undefined
  if (isConflict(error)) return backoffMs(attempt, AFTER_CONFLICT)
  return isConnectionLost(error) ? backoffMs(attempt, AFTER_LOSS) : undefined
}
