import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CommitOutcomeUnknown, isUniqueViolation } from './failures.ts'
import { inTransaction } from './in-transaction.ts'
import { openDb, type Db, type Tx } from './open-db.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { adminUrl, as, COUNTER, migrationsIn, unluckyRoad, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>
let db: Db<CounterTables>

beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
  db = own.db
})
afterAll(() => own.drop())
beforeEach(async () => {
  await as(own.ownerUrl, 'delete from counter')
})

const add = (tx: Tx<CounterTables>, name: string, value: number) =>
  tx.insertInto('counter').values({ name, value, noted_at: null }).execute()
const valueOf = async (name: string) =>
  (await db.selectFrom('counter').select('value').where('name', '=', name).executeTakeFirst())?.value
const pidOf = async (tx: Tx<CounterTables>) =>
  (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)).rows[0]?.pid
const kill = (pid: number | undefined) => as(adminUrl(), `select pg_terminate_backend(${pid}, 5000)`)

test('what was written is there once it returns, and what it returned is the answer', async () => {
  expect(await inTransaction(db, (tx) => add(tx, 'a', 1).then(() => 'done'))).toBe('done')
  expect(await valueOf('a')).toBe(1)
})

test('an error of the work undoes everything, is thrown as it is, and is not repeated', async () => {
  const refusal = new Error('no')
  let runs = 0
  const work = async (tx: Tx<CounterTables>) => {
    runs += 1
    await add(tx, 'a', 1)
    throw refusal
  }
  await expect(inTransaction(db, work)).rejects.toBe(refusal)
  expect(await valueOf('a')).toBeUndefined()
  expect(runs).toBe(1)
})

test('a second row of the same key is an error, not a reason to repeat', async () => {
  await inTransaction(db, (tx) => add(tx, 'a', 1))
  const repeated: number[] = []
  const again = inTransaction(db, (tx) => add(tx, 'a', 2), { onRetry: (_, attempt) => repeated.push(attempt) })
  const error: unknown = await again.catch((caught: unknown) => caught)
  expect(isUniqueViolation(error, 'counter_pkey')).toBe(true)
  expect(isUniqueViolation(error, 'another_key')).toBe(false)
  expect(repeated).toEqual([])
})

/** Two works that each read what the other writes: only one order of the two is possible, and neither has been chosen yet. */
async function crossing(isolation?: 'serializable') {
  await inTransaction(db, (tx) => Promise.all([add(tx, 'a', 1), add(tx, 'b', 1)]))
  const bothHaveRead = Promise.withResolvers<void>()
  let reads = 0
  let repeats = 0
  const copy = (from: string, to: string) =>
    inTransaction(
      db,
      async (tx) => {
        const row = await tx.selectFrom('counter').select('value').where('name', '=', from).executeTakeFirstOrThrow()
        if (++reads >= 2) bothHaveRead.resolve()
        await bothHaveRead.promise
        await tx
          .updateTable('counter')
          .set({ value: row.value + 1 })
          .where('name', '=', to)
          .execute()
      },
      { ...(isolation && { isolation }), onRetry: () => (repeats += 1) },
    )
  await Promise.all([copy('a', 'b'), copy('b', 'a')])
  return { values: new Set([await valueOf('a'), await valueOf('b')]), repeats }
}

test('serializable works that conflict are repeated until one order explains both', async () => {
  const { values, repeats } = await crossing('serializable')
  expect(values).toEqual(new Set([2, 3]))
  expect(repeats).toBeGreaterThan(0)
})

test('the same works in the default isolation pass each other by: the test above can fail', async () => {
  expect(await crossing()).toEqual({ values: new Set([2]), repeats: 0 })
})

test('of two works that wait for each other one is repeated, and both happen', async () => {
  await inTransaction(db, (tx) => Promise.all([add(tx, 'a', 0), add(tx, 'b', 0)]))
  const bothHold = Promise.withResolvers<void>()
  let holding = 0
  const increase = (tx: Tx<CounterTables>, name: string) =>
    tx
      .updateTable('counter')
      .set((counter) => ({ value: counter('value', '+', 1) }))
      .where('name', '=', name)
      .execute()
  const both = (first: string, second: string) =>
    inTransaction(db, async (tx) => {
      await increase(tx, first)
      if (++holding >= 2) bothHold.resolve()
      await bothHold.promise
      await increase(tx, second)
    })
  await Promise.all([both('a', 'b'), both('b', 'a')])
  expect([await valueOf('a'), await valueOf('b')]).toEqual([2, 2])
})

describe('a lost connection', () => {
  /** Writes, and the first time loses the connection, and notices. */
  const losingOnce = () => {
    let runs = 0
    const write = async (tx: Tx<CounterTables>) => {
      await add(tx, 'a', ++runs)
      if (runs > 1) return
      await kill(await pidOf(tx))
      await sql`select 1`.execute(tx)
    }
    return { write, runs: () => runs }
  }

  test('before COMMIT is repeated, and the work happens once', async () => {
    const { write, runs } = losingOnce()
    await inTransaction(db, write)
    expect(runs()).toBe(2)
    expect(await valueOf('a')).toBe(2)
  })

  test('that the work did not mind is noticed before COMMIT is sent, and repeated', async () => {
    const { write, runs } = losingOnce()
    await inTransaction(db, (tx) => write(tx).catch(() => {}))
    expect(runs()).toBe(2)
    expect(await valueOf('a')).toBe(2)
  })

  test('does not hide that the work failed for a reason of its own', async () => {
    const { write, runs } = losingOnce()
    const refusal = new Error('no')
    const refused = inTransaction(db, async (tx) => {
      await write(tx).catch(() => {})
      throw refusal
    })
    await expect(refused).rejects.toBe(refusal)
    expect(runs()).toBe(1)
    expect(await valueOf('a')).toBeUndefined()
  })

  test('during COMMIT is not repeated: whether it happened is not known', async () => {
    const road = await unluckyRoad(own.url, (said) => said.includes('commit\0'))
    const far = openDb<CounterTables>({ url: road.url, schema: 'fixture', applicationName: 'far' })
    let runs = 0
    const writing = inTransaction(far, (tx) => {
      runs += 1
      return add(tx, 'a', 1)
    })
    await expect(writing).rejects.toThrow(CommitOutcomeUnknown)
    expect(runs).toBe(1)
    expect(await valueOf('a')).toBe(1) // here it did happen: a repeat would have failed, or counted twice
    await far.destroy()
    await road.close()
  })

  test('while nobody used it is not noticed by the next work', async () => {
    const lost = Promise.withResolvers<Error>()
    const { url } = own
    const pool = openDb<CounterTables>({
      url,
      schema: 'fixture',
      applicationName: 'idle',
      max: 1,
      onConnectionLost: lost.resolve,
    })
    await kill(await inTransaction(pool, pidOf))
    expect((await lost.promise).message).toContain('terminating connection')
    await inTransaction(pool, (tx) => add(tx, 'a', 1))
    expect(await valueOf('a')).toBe(1)
    await pool.destroy()
  })

  test('that does not come back is given up after five repeats', async () => {
    const url = new URL(own.url)
    url.port = '1'
    const nowhere = openDb<CounterTables>({ url: url.href, schema: 'fixture', applicationName: 'nowhere' })
    const attempts: number[] = []
    const trying = inTransaction(nowhere, (tx) => add(tx, 'a', 1), { onRetry: (_, attempt) => attempts.push(attempt) })
    await expect(trying).rejects.toThrow('ECONNREFUSED')
    expect(attempts).toEqual([1, 2, 3, 4, 5])
    await nowhere.destroy()
  })

  test('is not waited out when the caller is told to stop', async () => {
    const url = new URL(own.url)
    url.port = '1'
    const nowhere = openDb<CounterTables>({ url: url.href, schema: 'fixture', applicationName: 'nowhere' })
    const stop = new AbortController()
    const attempts: number[] = []
    const trying = inTransaction(nowhere, (tx) => add(tx, 'a', 1), {
      signal: stop.signal,
      onRetry: (_, attempt) => {
        attempts.push(attempt)
        stop.abort()
      },
    })
    await expect(trying).rejects.toThrow('ECONNREFUSED')
    expect(attempts).toEqual([1])
    await nowhere.destroy()
  })
})
