import { expect, test } from 'vitest'
import { testDatabase } from './testing.ts'
import { adminUrl, as, COUNTER, migrationsIn, type CounterTables } from './testing/fixtures.ts'

test('many who need the same template at once each get a database of their own', async () => {
  const files = { ...COUNTER, '0002_new.sql': '-- breaking: no\ncreate table fresh (id int);\n' }
  const all = await Promise.all(
    Array.from({ length: 8 }, () => testDatabase<CounterTables>({ schema: 'fixture', dir: migrationsIn(files) })),
  )
  await Promise.all(
    all.map(({ db }, at) => db.insertInto('counter').values({ name: 'mine', value: at, noted_at: null }).execute()),
  )
  const values = await Promise.all(all.map(({ db }) => db.selectFrom('counter').select('value').executeTakeFirst()))
  expect(values.map((row) => row?.value)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  await Promise.all(all.map(({ drop }) => drop()))
})

test('the service has its grants and no more, also in a copy', async () => {
  const own = await testDatabase<CounterTables>({ schema: 'fixture', dir: migrationsIn(COUNTER) })
  await expect(as(own.url, 'delete from counter')).rejects.toThrow('permission denied')
  await expect(as(own.url, 'create temporary table t (id int)')).rejects.toThrow('permission denied')
  expect(await as(own.ownerUrl, 'delete from counter returning name')).toEqual([])
  await own.drop()
})

test('a dropped database is gone, even while somebody is connected', async () => {
  const own = await testDatabase<CounterTables>({ schema: 'fixture', dir: migrationsIn(COUNTER) })
  const name = new URL(own.url).pathname.slice(1)
  await own.db.selectFrom('counter').select('name').execute()
  await own.drop()
  expect(await as(adminUrl(), `select datname from pg_database where datname = '${name}'`)).toEqual([])
})
