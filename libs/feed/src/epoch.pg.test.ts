import { inTransaction, type Tx } from '@powernode/postgres'
import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { epochOf, readHead } from './epoch.ts'
import { fixtureDatabase, put, type Tables } from './testing/fixture.ts'

let database: Awaited<ReturnType<typeof fixtureDatabase>>
beforeEach(async () => {
  database = await fixtureDatabase()
})
afterEach(() => database.drop())

const headNow = async (feed = 'things') => (await readHead(database.db, feed)).epoch
const addTo = (tx: Tx<Tables>, table: 'thing' | 'other', name: string) =>
  sql`insert into ${sql.table(table)} (name, value) values (${name}, 1)`.execute(tx)

/** As the schema's owner, at a console: with a search path of his own. */
async function byHand(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.ownerUrl })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

test('a transaction draws one epoch, whatever it changes, and every row it changed carries it', async () => {
  const epoch = await inTransaction(database.db, async (tx) => {
    expect(await epochOf(tx, 'things')).toBeUndefined()
    for (const name of ['a', 'b', 'c']) await addTo(tx, 'thing', name)
    return epochOf(tx, 'things')
  })
  expect(epoch).toBe(1n)
  const rows = await database.db.selectFrom('thing').select('epoch').execute()
  expect(rows.map((row) => row.epoch)).toEqual([1, 1, 1])
  expect(await put(database.db, 'a', 2)).toBe(2n)
})

test('two feeds of one schema count for themselves', async () => {
  await put(database.db, 'a', 1)
  await put(database.db, 'a', 2)
  await inTransaction(database.db, async (tx) => {
    await addTo(tx, 'other', 'x')
    expect(await epochOf(tx, 'things')).toBeUndefined()
    expect(await epochOf(tx, 'others')).toBe(1n)
  })
  expect([await headNow(), await headNow('others')]).toEqual([2n, 1n])
})

test('what is rolled back has never been an epoch, neither a whole transaction nor a part of one', async () => {
  const failing = inTransaction(database.db, async (tx) => {
    await addTo(tx, 'thing', 'a')
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await headNow()).toBe(0n)
  await inTransaction(database.db, async (tx) => {
    await sql`savepoint before`.execute(tx)
    await addTo(tx, 'thing', 'a')
    await sql`rollback to savepoint before`.execute(tx)
    expect(await epochOf(tx, 'things')).toBeUndefined()
    await addTo(tx, 'other', 'x')
  })
  expect(await headNow()).toBe(0n)
  expect(await put(database.db, 'a', 1)).toBe(1n)
})

test('a change made by hand is an epoch like any other, though nobody thought of it', async () => {
  await put(database.db, 'a', 1)
  await byHand('set search_path to public', `update fixture.thing set value = 2 where name = 'a'`)
  expect(await headNow()).toBe(2n)
})

test('nobody sees an epoch before all the lower ones, of two hundred that eight writers draw side by side', async () => {
  const seen: bigint[][] = []
  let writing = true
  const look = async () => {
    while (writing) {
      const { rows } = await sql<{ epoch: number }>`select epoch from feed_epoch order by epoch`.execute(database.db)
      seen.push(rows.map(({ epoch }) => BigInt(epoch)))
    }
  }
  const looking = look()
  const drawn: unknown[] = []
  const write = async (writer: number) => {
    for (let n = 0; n < 25; n++) drawn.push(await put(database.db, `t${(writer + n) % 5}`, n))
  }
  // No more than the pool has connections: whoever waits for one for too long on a busy machine is refused.
  await Promise.all([...Array(8)].map((_, writer) => write(writer)))
  writing = false
  await looking
  expect(new Set(drawn).size).toBe(200)
  for (const epochs of seen) expect(epochs).toEqual(epochs.map((_, index) => BigInt(index + 1)))
})

test('a transaction that looked before the last epoch is begun anew, and succeeds', async () => {
  let runs = 0
  const epoch = await inTransaction(
    database.db,
    async (tx) => {
      runs += 1
      await sql`select count(*) from thing`.execute(tx)
      if (runs === 1) await put(database.db, 'a', 1)
      await addTo(tx, 'thing', 'b')
      return epochOf(tx, 'things')
    },
    { isolation: 'repeatable read' },
  )
  expect([runs, epoch]).toEqual([2, 2n])
})

test('a service can neither write history nor draw an epoch without a change', async () => {
  await put(database.db, 'a', 1)
  const refused = [
    sql`insert into feed_epoch (feed, epoch, mark) values ('things', 9, ${Buffer.alloc(16)})`,
    sql`update feed_epoch set epoch = 9`,
    sql`delete from feed_epoch`,
    sql`select feed_epoch('things')`,
  ]
  for (const statement of refused) await expect(statement.execute(database.db)).rejects.toThrow('permission denied')
})

test('a service that writes an epoch of its own choice into a row writes the one that was drawn', async () => {
  await sql`insert into thing (name, value, epoch) values ('a', 1, 99)`.execute(database.db)
  await sql`update thing set epoch = 77`.execute(database.db)
  expect(await database.db.selectFrom('thing').select('epoch').execute()).toEqual([{ epoch: 2 }])
})

test('only the last hundred thousand epochs are kept', async () => {
  await put(database.db, 'a', 1)
  await byHand(`insert into fixture.feed_epoch (feed, epoch, mark)
    select 'things', n, uuid_send(gen_random_uuid()) from generate_series(2, 100001) n`)
  expect(await put(database.db, 'a', 2)).toBe(100_002n)
  const { rows } = await sql<{ least: number; count: number }>`
    select min(epoch) as least, count(*) as count from feed_epoch`.execute(database.db)
  expect(rows).toEqual([{ least: 3, count: 100_000 }])
})
