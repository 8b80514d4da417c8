import { patient, type Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { sql, type Kysely } from 'kysely'
import type { Db } from './open-db.ts'

type Deps<T> = { readonly db: Db<T>; readonly clock: Clock; readonly logger: Logger }

const CANDIDATE_EVERY_MS = 1_000
const PROVE_EVERY_MS = 2_000

/**
 * Runs `work` while this replica, and no other, holds the advisory lock `name` of the schema; until `signal` aborts.
 *
 * The lock lives in one connection, so Postgres itself takes it from a leader that died. A leader whose connection
 * breaks notices within two seconds and stops; for so long there may be two, and `work` MUST bear that.
 */
export async function lead<T>(
  { db, clock, logger }: Deps<T>,
  name: string,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await db.connection().execute(async (connection) => {
        if (!(await acquire(connection, name))) return
        try {
          if (signal.aborted) return // told to stop while asking for the lock
          logger.info({ task: name, state: 'leader' }, 'leadership')
          await workWhileLeading(connection, clock, work, signal)
        } finally {
          await release(connection, name)
        }
      })
    } catch (error) {
      logger.warn({ task: name, error }, 'leadership ended early')
    }
    await clock.sleep(patient(CANDIDATE_EVERY_MS), signal)
  }
}

async function workWhileLeading<T>(
  connection: Kysely<T>,
  clock: Clock,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const lost = new AbortController()
  const done = new AbortController()
  const over = AbortSignal.any([done.signal, signal])
  const prove = async () => {
    while (!done.signal.aborted) {
      await clock.sleep(patient(PROVE_EVERY_MS), over)
      if (signal.aborted) return
      await sql`select 1`.execute(connection)
    }
  }
  const proving = prove().catch((error: unknown) => {
    lost.abort()
    throw new Error('the connection that held the leadership broke', { cause: error })
  })
  const working = work(AbortSignal.any([signal, lost.signal])).finally(() => done.abort())
  const [worked, proved] = await Promise.allSettled([working, proving])
  if (worked.status === 'rejected') throw worked.reason
  if (proved.status === 'rejected') throw proved.reason
}

async function acquire<T>(connection: Kysely<T>, name: string): Promise<boolean> {
  const { rows } = await sql<{ held: boolean }>`
    select pg_try_advisory_lock(hashtextextended(current_schema() || ${`.${name}`}, 0)) as held`.execute(connection)
  return rows[0]?.held === true
}

/** On a broken connection this fails too, and Postgres has released it already. */
async function release<T>(connection: Kysely<T>, name: string): Promise<void> {
  await sql`select pg_advisory_unlock(hashtextextended(current_schema() || ${`.${name}`}, 0))`.execute(connection)
}
