import { systemClock } from '@powernode/clock'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { inTransaction, listen } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { mount } from '@powernode/rpc'
import { refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Happening } from './happening.ts'
import { recordHappening } from './operations/record-happening.ts'
import { CALLERS, handlers } from './rpc.ts'
import { createWatchers } from './rpc/watchers.ts'
import { FEED_CHANNEL } from './store/events.ts'
import type { Tables } from './store/tables.ts'
import { happening, NOW, testLedger } from './testing.ts'

let ledger: TestDatabase<Tables>
let server: TestServer
let stopping: AbortController
let listening: Promise<void>

beforeEach(async () => {
  ledger = await testLedger()
  stopping = new AbortController()
  const watchers = createWatchers()
  server = startTestServer(
    mount(AuditLedgerService, handlers({ db: ledger.db, clock: systemClock, watchers }), CALLERS),
  )
  const { promise: connected, resolve: onConnected } = Promise.withResolvers<unknown>()
  const channel = { url: ledger.url, schema: 'audit_ledger', applicationName: 'test', onConnected }
  listening = listen(channel, FEED_CHANNEL, watchers.ring, stopping.signal)
  await connected
})

afterEach(async () => {
  server.stop()
  stopping.abort()
  await listening
  await ledger.drop()
})

const client = () => server.clientAs(AuditLedgerService, { kind: 'operator', name: 'alice' })
const record = (one: Happening) => inTransaction(ledger.db, (tx) => recordHappening(tx, NOW, one))
const PEER = happening(0).peerId

test('only an operator reads the ledger', async () => {
  await refusesEverybodyElse(AuditLedgerService, CALLERS, server.clientAs)
})

test('entries are listed by sequence, with where the log ends', async () => {
  for (const n of [1, 2, 3]) await record(happening(n))
  const page = await client().listEntries({ peerId: PEER, afterSequence: 1n, limit: 1 })
  expect(page.size).toBe(3n)
  expect(page.head).toHaveLength(32)
  expect(page.entries).toHaveLength(1)
  expect(page.entries[0]).toMatchObject({
    sequence: 2n,
    action: 'federation.peer.accepted',
    actor: 'operator/alice',
    payload: { n: 2 },
    eventId: happening(2).id,
    correlationId: 'request-2',
  })
  expect(await client().verifyLog({ peerId: PEER })).toMatchObject({ intact: true, size: 3n, head: page.head })
})

test('a log that nobody has written to is empty, and intact', async () => {
  expect(await client().listEntries({ peerId: 'platform' })).toMatchObject({ entries: [], size: 0n })
  expect(await client().verifyLog({ peerId: 'platform' })).toMatchObject({ intact: true, size: 0n })
})

test('recent events are filtered by kind, source, peer and moment, the newest first', async () => {
  await record(happening(1, { kind: 'federation.peer.active' }))
  await record(happening(2, { kind: 'federation.grant.issued', source: 'grant-authz' }))
  await record(happening(3, { kind: 'federation.peer_x.odd', peerId: '' }))
  await record(happening(4, { kind: 'federation.peer.revoked', severity: 'high' }))
  const numbers = async (filter: Parameters<ReturnType<typeof client>['listEvents']>[0]) =>
    (await client().listEvents(filter)).events.map(({ payload }) => payload?.['n'])
  expect(await numbers({})).toEqual([4, 3, 2, 1])
  expect(await numbers({ kindPrefix: 'federation.peer.' })).toEqual([4, 1])
  expect(await numbers({ kindPrefix: 'federation.peer_' })).toEqual([3])
  expect(await numbers({ source: 'grant-authz' })).toEqual([2])
  expect(await numbers({ peerId: PEER, limit: 2 })).toEqual([4, 2])
  expect(await numbers({ since: timestampFromDate(happening(3).at) })).toEqual([4, 3])
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
  const events = client().watchEvents({ kindPrefix: 'federation.grant.', since: timestampFromDate(NOW) })
  await record(happening(1))
  await record(happening(2, { kind: 'federation.grant.issued' }))
  for await (const { event } of events) {
    expect(event?.kind).toBe('federation.grant.issued')
    break
  }
})
