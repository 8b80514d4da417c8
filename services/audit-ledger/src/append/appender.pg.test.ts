import { inTransaction } from '@powernode/postgres'
import { until } from '@powernode/events/testing'
import { elapsed } from '@powernode/process'
import { unluckyRoad, type TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { appendEntries } from '../operations/append/append-entries.ts'
import * as holds from '../store/holds.ts'
import * as logs from '../store/logs.ts'
import type { Tables } from '../store/tables.ts'
import { call, idOf, NOW, PEER, testLedger } from '../testing.ts'
import { replica, wholeLog, type Replica } from './testing.ts'

let ledger: TestDatabase<Tables>
const opened: Replica[] = []
beforeEach(async () => {
  ledger = await testLedger()
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()))
  await ledger.drop()
})
const open = (...said: Partial<Parameters<typeof replica>>): Replica => {
  const one = replica(said[0] ?? ledger.url, said[1])
  opened.push(one)
  return one
}
const sequences = (rows: readonly { readonly sequence: number }[]) => rows.map(({ sequence }) => sequence)
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at)

test('of two replicas that write at once each gets its own numbers, without gaps, and the trees are those of the leaves', async () => {
  const [one, other] = [open(), open()]
  const writers = upTo(700).map(async (n) => {
    const log = n % 7 === 0 ? 'platform' : PEER
    const [written] = await (n % 2 === 0 ? one : other).appender.append([call(n, { log })])
    return { log, written }
  })
  const places = await Promise.all(writers)
  for (const [log, size] of [
    [PEER, 600],
    ['platform', 100],
  ] as const) {
    const told = places.filter((place) => place.log === log).map(({ written }) => written)
    expect(told.map((place) => (place && 'sequence' in place ? place.sequence : -1)).sort((a, b) => a - b)).toEqual(
      upTo(size),
    )
    expect(sequences(await wholeLog(ledger.db, log))).toEqual(upTo(size))
  }
})

test('an edge in memory that another replica has left behind is rebuilt from the tiles, at every size around a tile', async () => {
  const [one, other] = [open(), open()]
  let n = 0
  for (const burst of [1, 254, 1, 1, 255, 256, 3, 512, 1]) {
    for (const who of [one, other]) await who.appender.append(upTo(burst).map(() => call(n++)))
  }
  expect(sequences(await wholeLog(ledger.db, PEER))).toEqual(upTo(n))
})

test('what is told again is answered with the place it has, whoever told it first', async () => {
  const [one, other] = [open(), open()]
  const first = await one.appender.append([call(1), call(2)])
  expect(first).toEqual([
    { sequence: 0, treeSize: 2 },
    { sequence: 1, treeSize: 2 },
  ])
  await one.appender.append([call(3)])
  expect(await other.appender.append([call(2), call(4), call(4)])).toEqual([
    { sequence: 1, treeSize: 4 },
    { sequence: 3, treeSize: 4 },
    { sequence: 3, treeSize: 4 },
  ])
  expect(sequences(await wholeLog(ledger.db, PEER))).toEqual(upTo(4))
})

test.each([
  ['another action', { action: 'federation.call.refused' }],
  ['another payload', { payload: Buffer.from('{"n":2}') }],
  ['no payload', { payload: undefined }],
  ['another log', { log: 'platform' }],
  ['another moment', { at: new Date(0) }],
])('an id that says something else (%s) is a conflict, and spoils nobody else in the batch', async (_, said) => {
  const one = open()
  await one.appender.append([call(1)])
  expect(await one.appender.append([call(2), call(1, said), call(3, { id: idOf(2) })])).toEqual([
    { sequence: 1, treeSize: 2 },
    { refused: 'ENTRY_CONFLICT' },
    { refused: 'ENTRY_CONFLICT' },
  ])
})

test('an entry above 65,535 bytes is refused, one of just that size is written, and large payloads do not count', async () => {
  const one = open()
  const payload = Buffer.from(JSON.stringify({ text: 'x'.repeat(200_000) }))
  const small = call(1, { payload })
  await one.appender.append([small])
  const [row] = await wholeLog(ledger.db, PEER)
  const room = 65_535 - (row?.leaf.length ?? 0) + (small.resource?.length ?? 0)
  const fits = call(2, { resource: 'r'.repeat(room) })
  expect(
    await one.appender.append([
      fits,
      call(3, { resource: 'r'.repeat(room + 1) }),
      call(4, { resource: '\n'.repeat(40_000) }),
    ]),
  ).toEqual([{ sequence: 1, treeSize: 2 }, { refused: 'ENTRY_TOO_LARGE' }, { refused: 'ENTRY_TOO_LARGE' }])
})

test('a log on hold takes nothing, but answers what stands; all others go on', async () => {
  const one = open()
  await one.appender.append([call(1)])
  await inTransaction(ledger.db, async (tx) => {
    const log = await logs.find(tx, PEER)
    await holds.change(tx, { logId: log!.id, held: true, reason: 'lost' }, NOW)
  })
  expect(await one.appender.append([call(1), call(2), call(3, { log: 'platform' })])).toEqual([
    { sequence: 0, treeSize: 1 },
    { refused: 'LOG_ON_HOLD' },
    { sequence: 0, treeSize: 1 },
  ])
})

test('a clock that goes back changes no order and breaks nothing', async () => {
  const one = open()
  for (const n of upTo(5)) await one.appender.append([call(n, { at: new Date(NOW.getTime() - n * 3_600_000) })])
  const rows = await wholeLog(ledger.db, PEER)
  expect(rows.map(({ id }) => id)).toEqual(upTo(5).map(idOf))
})

/** The steps of an append, by what the client says at each. */
const STEPS = ['start transaction', 'take_ends', 'entry.id = any', 'write_entries', 'commit'] as const

test.each(STEPS)('a connection lost right after "%s" loses nothing and repeats nothing', async (step) => {
  let cuts = 0
  const road = await unluckyRoad(ledger.url, (said) => {
    const isNow = cuts === 0 && said.includes(step)
    if (isNow) cuts++
    return isNow
  })
  const one = open(road.url)
  for (const n of upTo(3)) await open().appender.append([call(n)])
  const written = await one.appender.append(upTo(300).map((n) => call(n + 2)))
  expect(cuts).toBe(1)
  expect(written.map((place) => ('sequence' in place ? place.sequence : -1))).toEqual(upTo(300).map((n) => n + 2))
  expect((await wholeLog(ledger.db, PEER)).map(({ id }) => id)).toEqual(upTo(302).map(idOf))
  await road.close()
})

test('a connection lost while everything is said in one statement loses nothing and repeats nothing', async () => {
  let cuts = 0
  const road = await unluckyRoad(ledger.url, (said) => {
    const isNow = cuts === 0 && said.includes('write_at_ends')
    if (isNow) cuts++
    return isNow
  })
  const one = open(road.url)
  await one.appender.append([call(0)]) // after this it knows where the log ends
  expect(await one.appender.append([call(1), call(2)])).toEqual([
    { sequence: 1, treeSize: 3 },
    { sequence: 2, treeSize: 3 },
  ])
  expect(cuts).toBe(1)
  expect((await wholeLog(ledger.db, PEER)).map(({ id }) => id)).toEqual(upTo(3).map(idOf))
  await road.close()
})

test('a replica that freezes while it holds the lock is overtaken within a second, and finds out when it comes back', async () => {
  const locked = Promise.withResolvers<void>()
  const road = await unluckyRoad(ledger.url, (said) => {
    if (said.includes('take_ends')) {
      road.freeze()
      locked.resolve()
    }
    return false
  })
  await open().appender.append([call(0)])
  const [frozen, other] = [open(road.url), open()]
  const hanging = frozen.appender.append([call(1)]).catch((error: unknown) => error)
  await locked.promise
  await untilLocked()
  const ms = elapsed()
  expect(await other.appender.append([call(2)])).toEqual([{ sequence: 1, treeSize: 2 }])
  expect(ms()).toBeLessThan(30_000)
  await road.close()
  expect(await hanging).toBeInstanceOf(Error) // nobody was told that it is durable, and it is not
  expect((await wholeLog(ledger.db, PEER)).map(({ id }) => id)).toEqual([idOf(0), idOf(2)])
})

async function untilLocked(): Promise<void> {
  await until(async () => {
    const { rows } = await sql`
      select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where datname = current_database() and locktype = 'advisory' and granted`.execute(ledger.db)
    return rows.length > 0
  })
}

test('while entries cannot be written, appends fail and the ledger says so; once they can, it says that too', async () => {
  const one = open()
  await one.appender.append([call(0)])
  const owner = sql.raw(`alter table entry add constraint nothing_more check (sequence < 1)`)
  const admin = open(ledger.ownerUrl)
  await owner.execute(admin.db)
  await expect(one.appender.append([call(1)])).rejects.toThrow(/nothing_more/)
  expect(one.lines.join('')).toMatch(/nothing can be written down/)
  await sql.raw('alter table entry drop constraint nothing_more').execute(admin.db)
  expect(await one.appender.append([call(1)])).toEqual([{ sequence: 1, treeSize: 2 }])
  expect(one.lines.join('')).toMatch(/can be written down again/)
})

test('what another part finds in the way refuses appends before they begin', async () => {
  const one = open()
  one.obstacles.set('files', 'the disk is full')
  await expect(one.appender.append([call(0)])).rejects.toMatchObject({ reason: 'RECORD_UNAVAILABLE' })
  one.obstacles.set('files', undefined)
  expect(await one.appender.append([call(0)])).toEqual([{ sequence: 0, treeSize: 1 }])
})

test('entries that a transaction writes beside something else come all or not at all', async () => {
  const act = (ids: readonly number[]) =>
    inTransaction(ledger.db, (tx) =>
      appendEntries(
        tx,
        NOW,
        ids.map((n) => call(n)),
      ),
    )
  expect(await act([1, 2])).toHaveLength(2)
  const both = inTransaction(ledger.db, (tx) => appendEntries(tx, NOW, [call(3), call(1, { action: 'else' })]))
  await expect(both).rejects.toMatchObject({ reason: 'ENTRY_CONFLICT' })
  expect(sequences(await wholeLog(ledger.db, PEER))).toEqual([0, 1])
})
