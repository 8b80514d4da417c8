import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rehearse } from './rehearse.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { migrationsIn } from './testing/fixtures.ts'

/** Every counter needs a first one, which is looked at when the transaction commits. */
const NEEDY = {
  '0001_counter.sql': `-- breaking: no
create table counter (name text primary key, of text not null references counter (name) deferrable initially deferred);
grant select, insert on counter to fixture;
`,
}
type Tables = { counter: { name: string; of: string } }

let own: TestDatabase<Tables>
beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(NEEDY) })
})
afterAll(() => own.drop())

const add = (name: string, of: string) =>
  rehearse(own.db, async (tx) => {
    await tx.insertInto('counter').values({ name, of }).execute()
    return (await sql<{ count: number }>`select count(*) from counter`.execute(tx)).rows[0]?.count
  })

test('everything is done, the answer is what would be, and nothing is kept', async () => {
  expect(await add('a', 'a')).toBe(1)
  expect(await own.db.selectFrom('counter').select('name').execute()).toEqual([])
})

test('what only the commit would refuse is refused as well', async () => {
  await expect(add('b', 'nobody')).rejects.toThrow('foreign key')
})
