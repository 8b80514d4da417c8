import { systemClock } from '@powernode/clock'
import { lead, openDb, type Db } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger } from '@powernode/process'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { livenessDatabase } from '../operations/testing.ts'
import type { Tables } from '../store/tables.ts'

let database: TestDatabase<Tables>
beforeEach(async () => void (database = await livenessDatabase()))
afterEach(() => database.drop())

const logger = createLogger('test', { level: 'silent' })

/** A replica that wants to lead, and says so while it does. */
function candidate(name: string) {
  const db: Db<Tables> = openDb({ url: database.url, schema: 'liveness', applicationName: name })
  const stop = new AbortController()
  const replica = { leads: false, ended: 0 }
  const running = lead(
    { db, clock: systemClock, logger },
    'beats',
    async (signal) => {
      replica.leads = true
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      replica.leads = false
      replica.ended += 1
    },
    stop.signal,
  )
  return {
    replica,
    async stop() {
      stop.abort()
      await running
      await db.destroy()
    },
  }
}

test('of many replicas one leads, and when it stops another one takes over', async () => {
  const replicas = ['a', 'b', 'c'].map(candidate)
  const leaders = () => replicas.filter(({ replica }) => replica.leads)
  await expect.poll(leaders).toHaveLength(1)
  const [first] = leaders()
  await first!.stop()
  await expect.poll(leaders).toHaveLength(1)
  await Promise.all(replicas.filter((one) => one !== first).map((one) => one.stop()))
  expect(leaders()).toEqual([])
})

test('a leader whose connection is cut stops leading, and somebody leads again', async () => {
  const [a, b] = [candidate('a'), candidate('b')]
  await expect.poll(() => a.replica.leads || b.replica.leads).toBe(true)
  const cut = a.replica.leads ? a : b
  await sql`
    select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()
      and database = (select oid from pg_database where datname = current_database())`.execute(database.db)
  await expect.poll(() => cut.replica.ended).toBe(1)
  await expect.poll(() => a.replica.leads !== b.replica.leads).toBe(true)
  await Promise.all([a.stop(), b.stop()])
})
