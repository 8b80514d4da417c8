import { afterAll, beforeAll, expect, test } from 'vitest'
import { FakeClock } from '@powernode/clock/testing'
import { sql } from 'kysely'
import { listen, type Listening } from './listen.ts'
import { testDatabase, type TestDatabase } from './testing.ts'
import { adminUrl, as, COUNTER, migrationsIn, unluckyRoad, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>

beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
})
afterAll(() => own.drop())

const notify = (payload: string, channel = 'fixture.outbox') =>
  sql`select pg_notify(${channel}, ${payload})`.execute(own.db)
const killListener = (name: string) =>
  as(adminUrl(), `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = '${name}'`)

/** Listens, and keeps what it hears; `connected` gives each connection as it is made. */
function start(name: string, url = own.url) {
  const stop = new AbortController()
  const heard: (string | undefined)[] = []
  const lost: unknown[] = []
  let arrived = Promise.withResolvers<Listening>()
  const connected = async () => {
    const connection = await arrived.promise
    arrived = Promise.withResolvers()
    return connection
  }
  const config = {
    url,
    applicationName: name,
    onConnected: (connection: Listening) => arrived.resolve(connection),
    onLost: (error: unknown) => lost.push(error),
  }
  const running = listen(config, 'fixture.outbox', (payload) => heard.push(payload), stop.signal)
  const end = () => {
    stop.abort()
    return running
  }
  return { heard, lost, connected, end }
}

test('hears what is committed on its channel, and that it has just connected', async () => {
  const listener = start('listen-1')
  const { probe } = await listener.connected()
  await notify('one')
  await notify('elsewhere', 'another')
  await notify('')
  await probe()
  expect(listener.heard).toEqual([undefined, 'one', ''])
  await listener.end()
})

test('after a probe everything committed before it has been delivered', async () => {
  const listener = start('listen-2')
  const { probe } = await listener.connected()
  for (let round = 0; round < 50; round++) {
    const sent = await Promise.all(
      Array.from({ length: 8 }, (_, at) => notify(`${round}.${at}`).then(() => `${round}.${at}`)),
    )
    await Promise.all([probe(), probe(), probe()])
    expect(new Set(listener.heard.slice(-8))).toEqual(new Set(sent))
  }
  await listener.end()
})

test('a lost connection is made again, and the caller is told to look', async () => {
  const listener = start('listen-3')
  const first = await listener.connected()
  await killListener('listen-3')
  await notify('while nobody listened')
  const second = await listener.connected()
  await notify('after')
  await second.probe()
  expect(listener.heard.filter((payload) => payload !== 'while nobody listened')).toEqual([
    undefined,
    undefined,
    'after',
  ])
  expect(listener.lost).toHaveLength(1)
  await expect(first.probe()).rejects.toThrow(/terminating connection|Connection terminated|not queryable|was closed/)
  await listener.end()
})

test('tries again with growing delay while there is no server, and stops when told to', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const waits: number[] = []
  const url = new URL(own.url)
  url.port = '1'
  const config = {
    url: url.href,
    applicationName: 'nowhere',
    clock,
    onLost: (_: unknown, retryInMs: number) => void waits.push(retryInMs),
  }
  const running = listen(config, 'channel', () => {}, stop.signal)
  for (let attempt = 0; attempt < 8; attempt++) {
    await clock.sleeping()
    await clock.advance(5_000)
  }
  stop.abort()
  await running
  expect(waits[0]).toBeLessThanOrEqual(100)
  expect(waits[3]).toBeGreaterThanOrEqual(400)
  expect(Math.max(...waits)).toBeLessThanOrEqual(5_000)
})

test('a connection that is dead without having been closed is found out', async () => {
  const road = await unluckyRoad(own.url, () => false)
  const clock = new FakeClock()
  const stop = new AbortController()
  const connected = Promise.withResolvers<Listening>()
  const lost = Promise.withResolvers<unknown>()
  const config = {
    url: road.url,
    applicationName: 'far',
    clock,
    onConnected: connected.resolve,
    onLost: lost.resolve,
  }
  const running = listen(config, 'channel', () => {}, stop.signal)
  await connected.promise
  road.freeze()
  await clock.sleeping()
  await clock.advance(60_000)
  expect(await lost.promise).toMatchObject({ message: 'Query read timeout' })
  stop.abort()
  await running
  await road.close()
})

test('leaves no connection behind', async () => {
  const listener = start('listen-5')
  await listener.connected()
  await listener.end()
  // The server notices the end of a session a moment later, and waits with dropping until it has.
  await killListener('listen-5')
  expect(await as(adminUrl(), `select pid from pg_stat_activity where application_name = 'listen-5'`)).toEqual([])
})

test('told to stop before it began, it does nothing', async () => {
  await expect(
    listen({ url: own.url, applicationName: 'x' }, 'c', () => {}, AbortSignal.abort()),
  ).resolves.toBeUndefined()
})
