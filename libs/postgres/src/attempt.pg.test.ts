import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attempt } from './attempt.ts'
import { inTransaction } from './in-transaction.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { adminUrl, as, COUNTER, migrationsIn, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>
beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
})
afterAll(() => own.drop())

test('a part that fails is taken back, also one in another, and the transaction goes on without it', async () => {
  await inTransaction(own.db, async (tx) => {
    const add = (name: string) => tx.insertInto('counter').values({ name, value: 1, noted_at: null }).execute()
    await add('before')
    const failed = await attempt(tx, async () => {
      await add('a')
      expect(await attempt(tx, () => add('inner'))).toHaveProperty('value')
      await add('a')
    })
    expect(failed).toMatchObject({ error: { code: '23505' } })
    expect(await attempt(tx, () => Promise.resolve(7))).toEqual({ value: 7 })
    await attempt(tx, () => add('after'))
  })
  const names = (await own.db.selectFrom('counter').select('name').execute()).map(({ name }) => name)
  expect(names.toSorted()).toEqual(['after', 'before'])
})

test('a connection that was lost is no fault of the part: all of it is done anew', async () => {
  let runs = 0
  const work = inTransaction(own.db, async (tx) => {
    runs += 1
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx)
    return attempt(tx, async () => {
      if (runs === 1) await as(adminUrl(), `select pg_terminate_backend(${rows[0]?.pid}, 5000)`)
      await sql`select 1`.execute(tx)
      return 'done'
    })
  })
  expect(await work).toEqual({ value: 'done' })
  expect(runs).toBe(2)
})
