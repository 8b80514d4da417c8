import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import { testListener, type TestDatabase } from '@powernode/postgres/testing'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { mount, type CallersTable } from '@powernode/rpc'
import { expectRefusal, partly, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Happening } from '../happening.ts'
import { dropOldEvents } from '../operations/events/drop-old-events.ts'
import { recordHappening } from '../operations/events/record-happening.ts'
import { FEED_CHANNEL } from '../store/events.ts'
import type { Tables } from '../store/tables.ts'
import { happening, NOW, testLedger } from '../testing.ts'
import { EVENT_CALLERS, eventHandlers } from './events.ts'
import { createWatchers } from './watchers.ts'

const DAY_MS = 86_400_000
const NONE = Object.fromEntries(AuditLedgerService.methods.map(({ localName }) => [localName, [] as const]))
const CALLERS = { ...NONE, ...EVENT_CALLERS } as unknown as CallersTable<typeof AuditLedgerService> // a row for each method

let ledger: TestDatabase<Tables>
let server: TestServer
let stopping: AbortController
let listening: Promise<void>
let clock: FakeClock

beforeEach(async () => {
  ledger = await testLedger()
  stopping = new AbortController()
  clock = new FakeClock(NOW)
  const watchers = createWatchers()
  const handlers = partly(AuditLedgerService, eventHandlers({ db: ledger.db, clock, watchers }))
  server = startTestServer(mount(AuditLedgerService, handlers, CALLERS))
  const { promise: connected, resolve: onConnected } = Promise.withResolvers<unknown>()
  const listener = testListener({ url: ledger.url, schema: 'audit_ledger' })
  const onNotify = () => {
    onConnected(undefined)
    watchers.ring()
  }
  listening = listener.listen(FEED_CHANNEL, onNotify, stopping.signal)
  await connected
})

afterEach(async () => {
  server.stop()
  stopping.abort()
  await listening
  await ledger.drop()
})

const client = () => server.clientAs(AuditLedgerService, { kind: 'operator', name: 'alice' })
const record = (one: Happening) => inTransaction(ledger.db, (tx) => recordHappening(tx, clock.now(), one))
const PEER = happening(0).peerId

type Asked = Parameters<ReturnType<typeof client>['recentEvents']>[0]

async function page(asked: Asked): Promise<{ readonly numbers: unknown[]; readonly next: string }> {
  const { events, nextPageToken } = await client().recentEvents(asked)
  return { numbers: events.map(({ payload }) => payload?.['n']), next: nextPageToken }
}

/** All pages from the first on, and the tokens that led to them. */
async function pages(asked: Asked): Promise<{ readonly numbers: unknown[][]; readonly tokens: string[] }> {
  const [numbers, tokens]: [unknown[][], string[]] = [[], []]
  for (let pageToken = ''; ;) {
    const read = await page({ ...asked, pageToken })
    numbers.push(read.numbers)
    if (read.next === '') return { numbers, tokens }
    tokens.push((pageToken = read.next))
  }
}

test('recent events are filtered by kind, source, severity, peer and moment, the newest first', async () => {
  await record(happening(1, { kind: 'federation.peer.active' }))
  await record(happening(2, { kind: 'federation.grant.issued', source: 'grant-authz' }))
  await record(happening(3, { kind: 'federation.peer_x.odd', peerId: '' }))
  await record(happening(4, { kind: 'federation.peer.revoked', severity: 'high' }))
  const numbers = async (asked: Asked) => (await page(asked)).numbers
  const at = (n: number) => timestampFromDate(happening(n).at)
  expect(await numbers({})).toEqual([4, 3, 2, 1])
  expect(await numbers({ kindPrefix: 'federation.peer.' })).toEqual([4, 1])
  expect(await numbers({ kindPrefix: 'federation.peer_' })).toEqual([3])
  expect(await numbers({ kindPrefix: 'federation.%' })).toEqual([])
  expect(await numbers({ source: 'grant-authz' })).toEqual([2])
  expect(await numbers({ severity: Severity.HIGH })).toEqual([4])
  expect(await numbers({ peerId: PEER, limit: 2 })).toEqual([4, 2])
  expect(await numbers({ peerId: PEER.toUpperCase() })).toEqual([4, 2, 1])
  expect(await numbers({ since: at(3) })).toEqual([4, 3])
  expect(await numbers({ until: at(3) })).toEqual([2, 1])
  expect(await numbers({ since: at(2), until: at(4) })).toEqual([3, 2])
  expect(await numbers({ since: at(4), until: at(4) })).toEqual([])
})

test('pages cover everything once, and the last one says that it is', async () => {
  for (let n = 1; n <= 7; n++) await record(happening(n))
  expect((await pages({ limit: 3 })).numbers).toEqual([[7, 6, 5], [4, 3, 2], [1]])
  expect((await pages({ limit: 7 })).numbers).toEqual([[7, 6, 5, 4, 3, 2, 1]])
  expect((await pages({ limit: 3, kindPrefix: 'none' })).numbers).toEqual([[]])
})

test('a page of the past never changes, while events come in and run out', async () => {
  const old = (n: number) => new Date(NOW.getTime() - 90 * DAY_MS + n * 60_000)
  for (let n = 1; n <= 9; n++) await record(happening(n, { at: old(n) }))
  const asked = { limit: 2 }
  const { numbers, tokens } = await pages(asked)
  expect(numbers).toEqual([[9, 8], [7, 6], [5, 4], [3, 2], [1]])
  const again = () => Promise.all(tokens.map(async (pageToken) => (await page({ ...asked, pageToken })).numbers))
  for (let n = 10; n <= 12; n++) await record(happening(n, { at: clock.now() }))
  expect(await again()).toEqual(numbers.slice(1))
  await clock.advance(DAY_MS)
  for (;;) if ((await inTransaction(ledger.db, (tx) => dropOldEvents(tx, clock.now(), { limit: 2 }))) < 2) break
  expect((await page({ limit: 100 })).numbers).toEqual([12, 11, 10])
  expect(await again()).toEqual(numbers.slice(1))
})

test('a page token is taken as it was given, for the question it was given to, and for a day', async () => {
  for (let n = 1; n <= 3; n++) await record(happening(n))
  const { nextPageToken: pageToken } = await client().recentEvents({ limit: 1 })
  expect((await page({ limit: 2, pageToken })).numbers).toEqual([2, 1])
  const spelt = (text: string) => Buffer.from(text).toString('base64url')
  const said = Buffer.from(pageToken, 'base64url').toString()
  const wrong = ['x', `${pageToken}=`, ` ${pageToken}`, pageToken.slice(2), spelt(`-1${said}`), spelt(`${said} `), spelt(said.replace(' ', '.'))] // prettier-ignore
  for (const one of wrong)
    await expectRefusal(client().recentEvents({ limit: 1, pageToken: one }), 'PAGE_TOKEN_INVALID')
  for (const other of [
    { kindPrefix: 'f' },
    { source: 's' },
    { severity: Severity.LOW },
    { peerId: PEER },
    { since: timestampFromDate(NOW) },
    { until: timestampFromDate(NOW) },
  ])
    // prettier-ignore
    await expectRefusal(client().recentEvents({ ...other, pageToken }), 'PAGE_TOKEN_INVALID')
  await clock.advance(DAY_MS)
  expect((await page({ limit: 2, pageToken })).numbers).toEqual([2, 1])
  await clock.advance(1)
  await expectRefusal(client().recentEvents({ pageToken }), 'PAGE_TOKEN_INVALID')
})

test.each([
  ['low', 90],
  ['medium', 90],
  ['high', 90],
  ['critical', 365],
] as const)('an event of severity %s is shown for %d days, to the millisecond', async (severity, days) => {
  await record(happening(1, { severity, at: NOW }))
  await clock.advance(days * DAY_MS)
  expect((await page({})).numbers).toEqual([1])
  await clock.advance(1)
  expect((await page({})).numbers).toEqual([])
})

test('an answer stays small however large its events are, and none is left out', async () => {
  for (let n = 1; n <= 5; n++) await record(happening(n, { payload: { n, text: 'x'.repeat(400_000) } }))
  await record(happening(6, { payload: { n: 6, text: 'x'.repeat(900_000) } }))
  expect((await pages({ limit: 100 })).numbers).toEqual([[6], [5, 4], [3, 2], [1]])
})

test('a watcher sees history and what happens meanwhile once each, in order, whoever writes', async () => {
  for (let n = 1; n <= 30; n++) await record(happening(n))
  const stop = new AbortController()
  const seen: unknown[] = []
  const writing = Promise.all(Array.from({ length: 60 }, (_, n) => record(happening(100 + n))))
  const since = timestampFromDate(happening(11).at)
  const watching = async () => {
    for await (const { event } of client().watchEvents({ since }, { signal: stop.signal })) {
      seen.push(event?.id)
      if (seen.length === 81) return
    }
  }
  const done = watching()
  await writing
  await record(happening(500))
  await done
  stop.abort()
  expect(seen.slice(0, 20)).toEqual(Array.from({ length: 20 }, (_, n) => happening(11 + n).id))
  expect(new Set(seen).size).toBe(81)
  expect(seen.at(-1)).toBe(happening(500).id)
})

test('a watcher with a filter sees only what it asked for', async () => {
  const asked = { kindPrefix: 'federation.grant.', severity: Severity.CRITICAL, since: timestampFromDate(NOW) }
  const events = client().watchEvents(asked)
  await record(happening(1, { severity: 'critical' }))
  await record(happening(2, { kind: 'federation.grant.issued' }))
  await record(happening(3, { kind: 'federation.grant.issued', severity: 'critical' }))
  for await (const { event } of events) {
    expect(event?.payload).toMatchObject({ n: 3 })
    break
  }
})
