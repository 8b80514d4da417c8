import { FakeClock } from '@powernode/clock/testing'
import { createLogger } from '@powernode/process'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Listener } from './listener.ts'
import { testDatabase, testListener, type TestDatabase } from './testing.ts'
import { adminUrl, as, COUNTER, migrationsIn, unluckyRoad, type CounterTables } from './testing/fixtures.ts'

let own: TestDatabase<CounterTables>
let name: string
let count = 0
let ends: (() => Promise<void>)[]

beforeAll(async () => {
  own = await testDatabase({ schema: 'fixture', dir: migrationsIn(COUNTER) })
})
afterAll(() => own.drop())

beforeEach(() => {
  name = `listener-${++count}`
  ends = []
})
afterEach(() => Promise.all(ends.map((end) => end())))

const openListener = () => testListener({ url: own.url, applicationName: name })
const notify = (channel: string, payload: string) => sql`select pg_notify(${channel}, ${payload})`.execute(own.db)
const connections = () => as(adminUrl(), `select pid from pg_stat_activity where application_name = '${name}'`)
const killConnection = () =>
  as(adminUrl(), `select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = '${name}'`)

/** Listens, and keeps what it hears. */
function hear(listener: Listener, channel: string) {
  const stop = new AbortController()
  const heard: (string | undefined)[] = []
  let waiting: { readonly isHeard: () => boolean; readonly resolve: () => void } | undefined
  const onNotify = (payload: string | undefined) => {
    heard.push(payload)
    if (waiting?.isHeard()) waiting.resolve()
  }
  const running = listener.listen(channel, onNotify, stop.signal)
  const end = () => {
    stop.abort()
    return running
  }
  ends.push(end)
  /** Resolves when it has heard so much. */
  const hears = async (size: number) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting = { isHeard: () => heard.length >= size, resolve }
    if (!waiting.isHeard()) await promise
    return heard
  }
  return { heard, hears, end }
}

test('hears what is committed on its channel, and first that it listens', async () => {
  const ear = hear(openListener(), 'fixture.outbox')
  await ear.hears(1)
  await notify('fixture.outbox', 'one')
  await notify('elsewhere', 'another')
  await notify('fixture.outbox', '')
  expect(await ear.hears(3)).toEqual([undefined, 'one', ''])
})

test('many channels are one connection, and each is told what is its own', async () => {
  const listener = openListener()
  const ears = ['a', 'b', 'c'].map((channel) => hear(listener, channel))
  await Promise.all(ears.map((ear) => ear.hears(1)))
  const late = hear(listener, 'd "quoted"; select 1')
  await late.hears(1)
  for (const channel of ['a', 'b', 'c', 'd "quoted"; select 1']) await notify(channel, `to ${channel}`)
  expect(await late.hears(2)).toEqual([undefined, 'to d "quoted"; select 1'])
  expect(ears.map(({ heard }) => heard)).toEqual(['a', 'b', 'c'].map((channel) => [undefined, `to ${channel}`]))
  expect(await connections()).toHaveLength(1)
})

test('two may listen on one channel; who goes hears no more, and who comes is told so', async () => {
  const listener = openListener()
  const [first, second] = [hear(listener, 'a'), hear(listener, 'a')]
  await Promise.all([first.hears(1), second.hears(1)])
  await notify('a', 'for both')
  expect(await Promise.all([first.hears(2), second.hears(2)])).toEqual([[undefined, 'for both'], [undefined, 'for both']]) // prettier-ignore
  await first.end()
  const third = hear(listener, 'a')
  await third.hears(1)
  await notify('a', 'for those who are left')
  expect((await second.hears(3)).at(-1)).toBe('for those who are left')
  expect(await third.hears(2)).toEqual([undefined, 'for those who are left'])
  expect(first.heard).toHaveLength(2)
})

test('a channel that nobody hears any more is not listened on, and can be again', async () => {
  const listener = openListener()
  const stays = hear(listener, 'stays')
  const goes = hear(listener, 'goes')
  await Promise.all([stays.hears(1), goes.hears(1)])
  await goes.end()
  await notify('goes', 'to nobody')
  const again = hear(listener, 'goes')
  await again.hears(1)
  await notify('goes', 'to somebody')
  expect((await again.hears(2)).at(-1)).toBe('to somebody')
  expect(stays.heard).toEqual([undefined])
})

test('whatever many commit at once is heard, and of each in the order of the commits', async () => {
  const ear = hear(openListener(), 'a')
  await ear.hears(1)
  const rounds = 50
  const senders = Array.from({ length: 8 }, async (_, at) => {
    for (let round = 0; round < rounds; round++) await notify('a', `${at}.${round}`)
  })
  await Promise.all(senders)
  const heard = await ear.hears(1 + 8 * rounds)
  for (let at = 0; at < 8; at++)
    expect(heard.filter((payload) => payload?.startsWith(`${at}.`))).toEqual(
      Array.from({ length: rounds }, (_, round) => `${at}.${round}`),
    )
})

test('a lost connection is made again, and all are told to look', async () => {
  const listener = openListener()
  const ears = [hear(listener, 'a'), hear(listener, 'b')]
  await Promise.all(ears.map((ear) => ear.hears(1)))
  await killConnection()
  await Promise.all(ears.map((ear) => ear.hears(2)))
  await notify('b', 'after')
  expect(await ears[1]?.hears(3)).toEqual([undefined, undefined, 'after'])
  expect(ears[0]?.heard).toEqual([undefined, undefined])
  expect(await connections()).toHaveLength(1)
})

test('tries again with growing delay while there is no server, says so, and stops when told to', async () => {
  const clock = new FakeClock()
  const lines: { retry_in_ms: number }[] = []
  const url = new URL(own.url)
  url.port = '1'
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(JSON.parse(line)) } })
  const ear = hear(testListener({ url: url.href, applicationName: name, clock, logger }), 'a')
  for (let attempt = 0; attempt < 8; attempt++) {
    await clock.sleeping()
    await clock.advance(1_000)
  }
  await ear.end()
  const waits = lines.map(({ retry_in_ms }) => retry_in_ms)
  expect(waits.length).toBeGreaterThanOrEqual(8)
  expect(waits[0]).toBeLessThanOrEqual(100)
  expect(waits[3]).toBeGreaterThanOrEqual(400)
  expect(Math.max(...waits)).toBeLessThanOrEqual(1_000)
  expect(ear.heard).toEqual([])
})

test('a connection that is dead without having been closed is found out', async () => {
  const road = await unluckyRoad(own.url, () => false)
  const clock = new FakeClock()
  const lost = Promise.withResolvers<string>()
  const logger = createLogger('test', { destination: { write: lost.resolve } })
  const ear = hear(testListener({ url: road.url, applicationName: name, clock, logger }), 'a')
  await ear.hears(1)
  road.freeze()
  await clock.sleeping()
  await clock.advance(60_000)
  expect(await lost.promise).toContain('Query read timeout')
  await ear.end()
  await road.close()
})

test('who was last to listen leaves no connection behind, and whoever comes then has a new one', async () => {
  const listener = openListener()
  for (let round = 0; round < 3; round++) {
    const ears = [hear(listener, 'a'), hear(listener, 'b')]
    await Promise.all(ears.map((ear) => ear.hears(1)))
    const ended = Promise.all(ears.map((ear) => ear.end()))
    const meanwhile = hear(listener, 'c') // while the connection is being closed
    await ended
    await meanwhile.hears(1)
    await meanwhile.end()
  }
  // The server notices the end of a session a moment later, and waits with dropping until it has.
  await killConnection()
  expect(await connections()).toEqual([])
})

test('told to stop before it began, it does nothing', async () => {
  const listener = testListener({ url: 'postgres://nobody@127.0.0.1:1/none' })
  await expect(listener.listen('c', () => {}, AbortSignal.abort())).resolves.toBeUndefined()
})
