import { systemClock } from '@powernode/clock'
import { until } from '@powernode/events/testing'
import { openDb } from '@powernode/postgres'
import { frozenRoad } from '@powernode/postgres/testing'
import { elapsed } from '@powernode/process'
import { durationMs } from '@bufbuild/protobuf/wkt'
import { sql } from 'kysely'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isTick, readFeed } from './testing.ts'
import {
  fixtureDatabase,
  NEVER,
  put,
  road,
  SCHEMA,
  sourceOf,
  startReader,
  startReplica,
  type Reading,
  type Tables,
  type Update,
} from './testing/fixture.ts'

let database: Awaited<ReturnType<typeof fixtureDatabase>>
const stops: (() => Promise<void>)[] = []
beforeEach(async () => {
  database = await fixtureDatabase()
})
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
  await database.drop()
})
const ends = <Thing extends { stop(): Promise<void> }>(thing: Thing): Thing => {
  stops.push(() => thing.stop())
  return thing
}
const replica = (...said: Parameters<typeof startReplica> extends [unknown, ...infer Rest] ? Rest : never) =>
  ends(startReplica(database, ...said))
const reader = (...said: Parameters<typeof startReader>) => ends(startReader(...said))
const revoke = (name: string) => put(database.db, name, undefined)
const knows = (name: string, value: number, ...readers: Reading[]) =>
  until(() => readers.every((one) => one.allowed(name) === value))
/** Changes until a change was acknowledged before a lease was over. One may take longer on a busy machine; all do, if somebody holds it up. */
const acknowledged = (
  at: { feed: { enforced(epoch: bigint): Promise<{ by: string }> } },
  change: () => Promise<bigint>,
) => until(async () => (await at.feed.enforced(await change())).by === 'acknowledged')
const replicas = async () =>
  (await sql<{ acknowledged: number }>`select acknowledged from feed_replica`.execute(database.db)).rows

async function asOwner(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.ownerUrl })
  await client.connect()
  try {
    for (const statement of ['set search_path to fixture', ...statements]) await client.query(statement)
  } finally {
    await client.end()
  }
}

describe('what a reader is told:', () => {
  test('everything, then every change, and it may act on it while it is vouched for', async () => {
    await put(database.db, 'a', 1)
    const gateway = reader(replica())
    await knows('a', 1, gateway)
    await put(database.db, 'a', 2)
    await knows('a', 2, gateway)
    await revoke('a')
    await until(() => gateway.follower.fresh && !gateway.held.has('a'))
  })

  test('a reader that comes back, to another replica, is told what it missed and not all of it', async () => {
    await put(database.db, 'a', 1)
    await put(database.db, 'b', 1)
    const [one, other] = [replica(), replica()]
    let to = one
    const lines = [road(one), road(other)] as const
    const gateway = reader((requests, signal) => lines[to === one ? 0 : 1].open(requests, signal))
    await knows('a', 1, gateway)
    to = other
    lines[0].cut()
    await revoke('b')
    await until(() => !gateway.held.has('b') && gateway.replaced.length === 2 && gateway.follower.fresh)
    expect(gateway.replaced).toEqual([true, false])
    expect([...gateway.held]).toEqual([['a', 1]])
  })

  test('a reader is told nothing of the other feed in the schema, and is held up by none of its readers', async () => {
    await put(database.db, 'a', 1)
    const things = replica()
    const others = replica({ feed: 'others', source: sourceOf('other') })
    const gateway = reader(things)
    const frozen = road(others)
    const elsewhere = reader(frozen.open)
    await knows('a', 1, gateway)
    await until(() => elsewhere.follower.fresh)
    frozen.asks.shut()
    await sql`insert into other (name, value) values ('x', 1)`.execute(database.db)
    await acknowledged(things, () => revoke('a'))
    frozen.asks.open()
    await knows('x', 1, elsewhere)
    expect(gateway.held.size).toBe(0)
  })

  test('ten thousand rows come in pages, and a change of one comes alone', async () => {
    await sql`insert into thing (name, value) select 'n' || n, 1 from generate_series(1, 10000) n`.execute(database.db)
    const { feed } = replica()
    const told = readFeed<Update>((requests, signal) => feed.follow(requests, signal))
    await told.until(isTick)
    expect(told.told.filter((update) => update.case === 'thing').length).toBe(10_000)
    const from = told.told.length
    await put(database.db, 'n7', 2)
    const since = await told.until((update) => update.case === 'thing', from)
    expect(since.filter((update) => update.case === 'thing').length).toBe(1)
    await told.end()
  })

  test('a reader that takes nothing gives its snapshot back, and holds up nobody for longer', async () => {
    await sql`insert into thing (name, value) select 'n' || n, 1 from generate_series(1, 1000) n`.execute(database.db)
    await put(database.db, 'a', 1)
    const one = replica()
    const never = Promise.withResolvers<void>()
    const waited = elapsed()
    const slow = [0, 1].map(() => reader(one, { apply: () => never.promise }))
    await until(() => slow.every(({ replaced }) => replaced.length === 1))
    const quick = reader(one)
    await knows('a', 1, quick)
    expect(waited()).toBeGreaterThan(1_000) // it did wait for its turn
    expect(waited()).toBeLessThan(60_000)
    never.resolve()
    await Promise.all(slow.map((stuck) => stuck.stop()))
  })
})

describe('when enforced has returned, nobody allows what was before:', () => {
  test('not four readers of two replicas, twenty times over, and it need not take a lease', async () => {
    await put(database.db, 'a', 1)
    const both = [replica(), replica()] as const
    const gateways = [0, 1, 0, 1].map((at) => reader(both[at]!))
    await knows('a', 1, ...gateways)
    let quick = 0
    for (let round = 0; round < 20; round++) {
      const { by } = await both[round % 2]!.feed.enforced(await revoke('a'))
      expect(gateways.map((gateway) => gateway.allowed('a'))).toEqual([undefined, undefined, undefined, undefined])
      if (by === 'acknowledged') quick += 1
      await put(database.db, 'a', 1)
      await knows('a', 1, ...gateways)
    }
    expect(quick, 'a machine that is too busy for all of them still manages some').toBeGreaterThan(0)
  })

  test('how far it is settled is told to every reader, and never before the last one has the change in force', async () => {
    await put(database.db, 'a', 1)
    const both = [replica(), replica()] as const
    const cut = Promise.withResolvers<void>()
    const told: [bigint[], bigint[]] = [[], []]
    const slow = reader(both[0], {
      apply: (update) => (update.case === 'gone' ? cut.promise : undefined),
      settled: (epoch) => told[0].push(epoch),
    })
    const quick = reader(both[1], { settled: (epoch) => told[1].push(epoch) })
    await until(() => slow.follower.fresh && quick.follower.fresh)
    const epoch = await revoke('a')
    const enforced = both[1].feed.enforced(epoch)
    await until(() => quick.allowed('a') === undefined)
    expect(told.flat().filter((settled) => settled >= epoch)).toEqual([])
    cut.resolve()
    await enforced
    await until(() => told.every((settled) => settled.some((one) => one >= epoch)))
  })

  test('where nobody reads, nobody is waited for', async () => {
    const one = replica()
    replica()
    await until(async () => (await replicas()).length === 2)
    await acknowledged(one, () => put(database.db, 'a', 1))
  })

  test('an acknowledgement that has not been sent yet is waited for: first the effect, then the word', async () => {
    await put(database.db, 'a', 1)
    const one = replica()
    const cut = Promise.withResolvers<void>()
    const gateway = reader(one, { apply: (update) => (update.case === 'gone' ? cut.promise : undefined) })
    await until(() => gateway.follower.fresh)
    let returned = ''
    const enforcing = one.feed.enforced(await revoke('a')).then(({ by }) => (returned = by))
    await until(async () => (await replicas())[0]!.acknowledged === 1)
    await systemClock.sleep(100, NEVER)
    expect(returned).not.toBe('acknowledged') // though its lease may be over by now
    expect(gateway.allowed('a') === undefined || returned === '').toBe(true)
    cut.resolve()
    await enforcing
    await acknowledged(one, () => revoke('a'))
  })

  for (const what of ['asks', 'answers'] as const)
    test(`a reader whose ${what} do not arrive is waited out, and believes no more when it is over`, async () => {
      await put(database.db, 'a', 1)
      const [one, other] = [replica(), replica()]
      const line = road(other)
      const [near, far] = [reader(one), reader(line.open)]
      await knows('a', 1, near, far)
      line[what].shut()
      const waited = elapsed()
      expect(far.allowed('a')).toBe(1)
      const { by } = await one.feed.enforced(await revoke('a'))
      expect([near.allowed('a'), far.allowed('a')]).toEqual([undefined, undefined])
      expect(by === 'lease' || waited() > 500).toBe(true)
      line[what].open() // what was held up arrives at last, and late ticks are no lease
      await until(() => far.follower.fresh)
      expect(far.allowed('a')).toBe(undefined)
    })

  test('of replicas with leases of their own, the longest is waited out', async () => {
    await put(database.db, 'a', 1)
    const [one, other] = [replica(), replica({ leaseMs: 3_000 })]
    const line = road(other)
    const far = reader(line.open)
    await knows('a', 1, far)
    line.answers.shut()
    const waited = elapsed()
    const { by } = await one.feed.enforced(await revoke('a'))
    expect(far.allowed('a')).toBe(undefined)
    expect(by === 'lease' || waited() > 2_000).toBe(true)
  })

  test('a reader that stood still while its answer came believes nothing of it', async () => {
    await put(database.db, 'a', 1)
    const one = replica()
    const line = road(one)
    let skippedMs = 0
    const time = elapsed()
    const gateway = reader(line.open, { elapsedMs: () => time() + skippedMs })
    await knows('a', 1, gateway)
    line.answers.shut()
    await line.answers.holds()
    skippedMs += 5_000 // its process was paused: the stopwatch went on
    line.asks.shut()
    line.answers.open()
    await one.feed.enforced(await revoke('a'))
    expect(gateway.allowed('a')).toBeUndefined()
    line.asks.open()
  })

  test('a reader that died is waited for no longer than it could have acted', async () => {
    await put(database.db, 'a', 1)
    const one = replica()
    const gateway = startReader(one)
    await knows('a', 1, gateway)
    await gateway.stop()
    const { took } = await one.feed.enforced(await revoke('a'))
    expect(durationMs(took!)).toBeLessThan(30_000)
    await acknowledged(one, () => put(database.db, 'a', 1))
  })

  test('a reader that has just come is not overlooked, whatever replica it came to', async () => {
    await put(database.db, 'a', 1)
    const both = [replica(), replica()] as const
    for (let round = 0; round < 6; round++) {
      const gateway = startReader(both[round % 2]!)
      if (round % 3 > 0) await until(() => gateway.follower.fresh)
      await both[0].feed.enforced(await revoke('a'))
      expect(gateway.allowed('a')).toBeUndefined()
      await put(database.db, 'a', 1)
      await gateway.stop()
    }
  })

  test('while the database does not answer it is over after a lease all the same', async () => {
    const far = await frozenRoad(database.url)
    const db = openDb<Tables>({ url: far.url, schema: SCHEMA, applicationName: 'far' })
    const one = startReplica({ db, url: far.url })
    const gateway = startReader(one)
    await until(() => gateway.follower.fresh)
    const asked = far.freeze()
    const epoch = await put(database.db, 'a', 1)
    await asked
    const { by } = await one.feed.enforced(epoch)
    expect(by).toBe('lease')
    expect(gateway.follower.fresh, 'no tick is given while the database is away').toBe(false)
    far.thaw()
    await knows('a', 1, gateway)
    await gateway.stop()
    await one.stop()
    await db.destroy()
    await far.close()
  })
})

describe('replicas come and go:', () => {
  /** A stopwatch that can be put forward, and stands still meanwhile if it is to: a busy machine takes no time off it then. */
  const stopwatch = () => {
    const real = elapsed()
    let ahead = 0
    let stoodAt: number | undefined
    return {
      read: () => (stoodAt ?? real()) + ahead,
      forward: (ms: number) => void (ahead += ms),
      halt: () => void (stoodAt = real()),
      goOn: () => void (stoodAt = undefined),
    }
  }

  test('one that was killed is waited out, until the others have seen for ten seconds that it is dead', async () => {
    await put(database.db, 'a', 1)
    const watch = stopwatch()
    const one = replica({ elapsedMs: watch.read })
    const far = await frozenRoad(database.url)
    const db = openDb<Tables>({ url: far.url, schema: SCHEMA, applicationName: 'far' })
    const killed = startReplica({ db, url: far.url })
    const gateway = startReader(killed)
    await knows('a', 1, gateway)
    await far.freeze()
    watch.halt()
    const enforcing = one.feed.enforced(await revoke('a'))
    await systemClock.sleep(1_100, NEVER) // the lease of whoever read from the one that was killed
    watch.forward(1_200)
    expect((await enforcing).by).toBe('lease')
    expect(gateway.allowed('a')).toBeUndefined()
    expect((await replicas()).length).toBe(2)
    watch.forward(4_000)
    await systemClock.sleep(1_100, NEVER) // two looks
    expect((await replicas()).length, 'it could be slow').toBe(2)
    watch.forward(7_000)
    watch.goOn()
    await until(async () => (await replicas()).length === 1)
    await acknowledged(one, () => put(database.db, 'a', 1))
    far.thaw() // it was not dead: it begins as another, and vouches for nobody before
    await knows('a', 1, gateway)
    await until(async () => (await replicas()).length === 2)
    await gateway.stop()
    await killed.stop()
    await db.destroy()
    await far.close()
  })

  test('one that stops says so, and is forgotten when its last lease is over', async () => {
    const one = replica()
    const other = startReplica(database)
    await until(async () => (await replicas()).length === 2)
    const waited = elapsed()
    await other.stop()
    await until(async () => (await replicas()).length === 1)
    expect(waited()).toBeGreaterThan(500)
    expect(waited()).toBeLessThan(60_000)
    await acknowledged(one, () => put(database.db, 'a', 1))
  })

  test('one whose row was taken away gives no tick before it has another', async () => {
    await put(database.db, 'a', 1)
    const one = replica()
    const gateway = reader(one)
    await knows('a', 1, gateway)
    await sql`delete from feed_replica`.execute(database.db)
    await until(async () => (await replicas()).length === 1)
    await knows('a', 1, gateway)
    await acknowledged(one, () => revoke('a'))
  })

  test('without the loop that says that it lives, no tick is given at all', async () => {
    await put(database.db, 'a', 1)
    const one = startReplica(database)
    await one.stop()
    const told = readFeed<Update>((requests, signal) => one.feed.follow(requests, signal))
    await told.until((update) => update.case === 'position')
    await systemClock.sleep(300, NEVER) // a dozen asks
    expect(told.told.some(isTick)).toBe(false)
    await told.end()
  })
})

describe('a database that was put back from a backup:', () => {
  /** As it stood at an epoch: what was done since has never been. */
  const putBackTo = (epoch: number, name: string, value: number) =>
    asOwner(
      'alter table thing disable trigger thing_fed',
      `update thing set value = ${value}, gone = false, epoch = ${epoch} where name = '${name}'`,
      'alter table thing enable trigger thing_fed',
      `delete from feed_epoch where epoch > ${epoch}`,
      `update feed_replica set acknowledged = least(acknowledged, ${epoch})`,
    )

  test('a reader from another history is told everything anew, though the numbers are the same', async () => {
    await put(database.db, 'a', 1)
    const one = replica()
    const line = road(one)
    const gateway = reader(line.open)
    await put(database.db, 'a', 2)
    await knows('a', 2, gateway)
    line.cut()
    await putBackTo(1, 'a', 1)
    expect(await put(database.db, 'b', 5)).toBe(2n)
    await knows('b', 5, gateway)
    expect(gateway.replaced.at(-1)).toBe(true)
    expect([...gateway.held]).toEqual([['a', 1], ['b', 5]]) // prettier-ignore
  })

  test('also one whose stream is open all the time', async () => {
    await put(database.db, 'a', 1)
    const gateway = reader(replica())
    await put(database.db, 'a', 2)
    await knows('a', 2, gateway)
    await putBackTo(1, 'a', 1)
    await knows('a', 1, gateway)
    expect(gateway.replaced).toEqual([true, true])
  })

  test('what was acknowledged to the history that is gone is worth nothing in this one', async () => {
    await put(database.db, 'a', 1)
    const [one, other] = [replica(), replica()]
    const line = road(other)
    const gateway = reader(line.open)
    for (let value = 2; value < 6; value++) await put(database.db, 'b', value)
    await knows('b', 5, gateway)
    await until(async () => (await replicas()).every(({ acknowledged }) => acknowledged === 5))
    line.asks.shut()
    line.answers.shut()
    await putBackTo(1, 'b', 0)
    const gone = await revoke('a')
    expect(gone).toBe(2n)
    await one.feed.enforced(gone)
    expect(gateway.allowed('a')).toBeUndefined()
    line.asks.open()
    line.answers.open()
  })
})
