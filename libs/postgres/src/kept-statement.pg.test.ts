import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bools, float8s, int4s, int8s, texts, uuids } from './binary-arrays.ts'
import { inTransaction } from './in-transaction.ts'
import { keptStatement } from './kept-statement.ts'
import { openDb, type Db } from './open-db.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { COUNTER, migrationsIn, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>
let db: Db<CounterTables>
beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
  db = openDb<CounterTables>({ url: own.url, schema: 'fixture', applicationName: 'kept', max: 1 })
})
afterAll(async () => {
  await db.destroy()
  await own.drop()
})

const sum = keptStatement<{ sum: number }>('sum_of_test', 'select $1::int + $2::int as sum')
const kept = async () =>
  (await sql<{ name: string; calls: number }>`select name, generic_plans + custom_plans as calls from pg_prepared_statements`.execute(db)).rows // prettier-ignore

test('a statement that is kept is prepared once on a connection, within transactions and without', async () => {
  for (const n of [1, 2, 3]) expect(await sum(db, [n, 10])).toEqual([{ sum: n + 10 }])
  expect(await inTransaction(db, (tx) => sum(tx, [4, 4]))).toEqual([{ sum: 8 }])
  expect(await kept()).toEqual([{ name: 'sum_of_test', calls: 4 }])
})

test('one that fails is told like any other, and works again with other values', async () => {
  await expect(sum(db, ['one', 1])).rejects.toMatchObject({ code: '22P02' })
  expect(await sum(db, [1, 1])).toEqual([{ sum: 2 }])
})

test('a text is no name of a statement', () => {
  expect(() => keptStatement('a */ b', 'select 1')).toThrow('no name')
})

const arrays = keptStatement<Record<string, unknown>>(
  'arrays_of_test',
  `select $1::int4[] as int4s, $2::int8[]::text[] as int8s, $3::float8[] as float8s, $4::bool[] as bools, $5::uuid[] as uuids,
    $6::text[] as texts`,
)

test('arrays as bytes are what Postgres reads, empty ones and those with nulls too', async () => {
  const some = fc.record({
    int4: fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    int8: fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER })),
    float8: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }).filter((value) => !Object.is(value, -0))),
    bool: fc.array(fc.boolean()),
    uuid: fc.array(fc.option(fc.uuid())),
    text: fc.array(fc.option(fc.string({ unit: 'binary' }).map((value) => value.toWellFormed().replaceAll('\0', '0')))),
  })
  const check = async (said: typeof some extends fc.Arbitrary<infer T> ? T : never) => {
    const { int4, int8, float8, bool, uuid, text } = said
    const values = [int4s(int4), int8s(int8), float8s(float8), bools(bool), uuids(uuid), texts(text)]
    expect(await arrays(db, values)).toEqual([
      { int4s: int4, int8s: int8.map(String), float8s: float8, bools: bool, uuids: uuid, texts: text },
    ])
  }
  await check({ int4: [], int8: [], float8: [], bool: [], uuid: [], text: [] })
  await fc.assert(fc.asyncProperty(some, check), { numRuns: 100 })
})

test('what is no UUID is not sent as one', () => {
  expect(() => uuids(['mine'])).toThrow('32 hexadecimal digits')
})
