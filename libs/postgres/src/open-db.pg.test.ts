import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDb, type Db } from './open-db.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { COUNTER, migrationsIn, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>
let db: Db<CounterTables>

beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
  db = own.db
})
afterAll(() => own.drop())

const one = async (expression: string, on = db) =>
  (await sql<{ value: unknown }>`select ${sql.raw(expression)} as value`.execute(on)).rows[0]?.value

test.each([
  ['9007199254740991::int8', 9_007_199_254_740_991],
  ["'{1,null,3}'::int8[]", [1, null, 3]],
  ['count(*)', 1],
  ["timestamptz '2026-11-21 21:00:00.123+02'", new Date('2026-11-21T19:00:00.123Z')],
  ["'\\x00ff'::bytea", Buffer.from([0, 255])],
  [`'{"a":[1]}'::jsonb`, { a: [1] }],
  ["date '2026-11-21'", '2026-11-21'],
  ["timestamp '2026-11-21 21:00:00'", '2026-11-21 21:00:00'],
  ['1.10::numeric', '1.10'],
  ['true', true],
  ['null::int8', null],
])('%s is read as it should be', async (expression, value) => {
  expect(await one(expression)).toEqual(value)
})

test.each([
  ['9007199254740992::int8', 'does not fit'],
  ["'{-9007199254740993}'::int8[]", 'does not fit'],
  ["timestamptz 'infinity'", 'not a moment'],
])('%s is refused rather than misread, and the connection stays usable', async (expression, why) => {
  await expect(one(expression)).rejects.toThrow(why)
  expect(await one('1')).toBe(1)
})

test('values go in as they come out', async () => {
  const noted_at = new Date('2026-03-29T01:30:00.007Z') // in the hour that summer time skips, in Europe
  await db
    .insertInto('counter')
    .values({ name: 'a', value: 2 ** 53 - 1, noted_at })
    .execute()
  const row = await db.selectFrom('counter').select(['value', 'noted_at']).executeTakeFirst()
  expect(row).toEqual({ value: 2 ** 53 - 1, noted_at })
})

test('unqualified names mean the schema, whatever options the URL carries', async () => {
  const url = new URL(own.url)
  url.searchParams.set('options', '-c search_path=pg_catalog -c work_mem=8MB')
  const other = openDb<CounterTables>({ url: url.href, schema: 'fixture', applicationName: 'peer-registry' })
  expect(await one("current_setting('search_path')", other)).toBe('fixture')
  expect(await one("current_setting('work_mem')", other)).toBe('8MB')
  expect(await one("current_setting('application_name')", other)).toBe('peer-registry')
  await other.destroy()
})

test('what is answered as committed is on disk, though the role has been told otherwise', async () => {
  const role = String(await one('quote_ident(current_user)'))
  const database = String(await one('quote_ident(current_database())'))
  await sql.raw(`alter role ${role} in database ${database} set synchronous_commit = off`).execute(db)
  const other = openDb<CounterTables>({ url: own.url, schema: 'fixture', applicationName: 'peer-registry' })
  expect(await one("current_setting('synchronous_commit')", other)).toBe('on')
  await other.destroy()
})

test('every wait at the server has an end', async () => {
  expect(await one("current_setting('statement_timeout')")).toBe('30s')
  expect(await one("current_setting('idle_in_transaction_session_timeout')")).toBe('30s')
})

test('a name that is no schema name never reaches the server', () => {
  const open = (schema: string) => () => openDb({ url: own.url, schema, applicationName: 'x' })
  for (const name of ['', 'Peer', 'a b', 'a;b', 'a,b', '-c', '"a"']) expect(open(name)).toThrow('not a schema name')
})

test('who watches hears how long statements took, and which failed', async () => {
  const heard: boolean[] = []
  const onStatement = ({ failed }: { failed: boolean }) => heard.push(failed)
  const watched = openDb<CounterTables>({ url: own.url, schema: 'fixture', applicationName: 'w', onStatement })
  await one('1', watched)
  await expect(one('1/0', watched)).rejects.toThrow('division by zero')
  expect(heard).toEqual([false, true])
  await watched.destroy()
})
