import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { durationMs, timestampDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { append, consume, INBOX_SQL, openBus, OUTBOX_SQL, relay, subscription, type Bus } from '@powernode/events'
import { startTestNats, testSigner, until, type TestNats } from '@powernode/events/testing'
import { inTransaction, openDb } from '@powernode/postgres'
import { frozenRoad, testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { VitalsService, type GetVitalsResponse } from '@powernode/proto/powernode/vitals/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { refusesEverybodyElse, startTestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openVitals, VITALS_CALLERS, type Vitals, type VitalsParts } from './index.ts'

const SCHEMA = 'vitals_test'
const STREAM = 'GRANT_AUTHZ'
const migrations = mkdtempSync(join(tmpdir(), 'powernode-test-vitals-'))
const FIRST = `-- breaking: no
${OUTBOX_SQL}
${INBOX_SQL}
grant select, insert, update, delete on outbox, inbox to ${SCHEMA};
grant select, insert, update on outbox_stream to ${SCHEMA};
grant select, insert on dead_letter to ${SCHEMA};
`
writeFileSync(join(migrations, '0001_events.sql'), FIRST)

const logger = createLogger('vitals-test', { level: 'silent' })
let tlsDir: string
let database: TestDatabase<object>
let nats: TestNats
let bus: Bus
let stopping: AbortController
let running: Promise<unknown>[]

beforeEach(async () => {
  tlsDir = await testSigner('grant-authz')
  ;[database, nats] = await Promise.all([testDatabase<object>({ schema: SCHEMA, dir: migrations }), startTestNats()])
  bus = await openBus({ servers: nats.url, tlsDir: undefined, identityDir: tlsDir, name: 'vitals-test' })
  stopping = new AbortController()
  running = []
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running)
  await bus.close()
  await nats.stop()
  await database.drop()
})

const REFUSING = subscription<object, typeof GrantChangedSchema>({
  consumer: 'vitals-test--refuses',
  stream: STREAM,
  subject: 'fed.grant.issued.*',
  event: GrantChangedSchema,
  handle: () => Promise.reject(new Refusal('GRANT_NOT_FOUND', 'never')),
})

function vitalsOf(some: Partial<VitalsParts<object>> = {}): Vitals {
  return openVitals({
    name: 'grant-authz',
    clock: systemClock,
    tlsDir,
    database: { db: database.db, schema: SCHEMA, migrations },
    news: { bus, stream: STREAM, subscriptions: [REFUSING] },
    ...some,
  })
}

function read({ mount }: Vitals): Promise<GetVitalsResponse> {
  const client = startTestServer(mount).clientAs(VitalsService, { kind: 'service', name: 'liveness' })
  return client.getVitals({})
}

function announce(): Promise<unknown> {
  return inTransaction(database.db, (tx) =>
    append(tx, {
      noun: 'grant',
      word: 'issued',
      id: crypto.randomUUID(),
      actor: 'operator/test',
      at: systemClock.now(),
      payload: create(GrantChangedSchema, { grant: { id: crypto.randomUUID() } }),
    }),
  )
}

function start(what: 'relay' | 'consumer'): void {
  const deps = { db: database.db, bus, clock: systemClock, logger, metrics: createMetrics('vitals-test') }
  const listener = testListener({ url: database.url, schema: SCHEMA })
  running.push(
    what === 'relay'
      ? relay({ ...deps, listener, schema: SCHEMA, stream: STREAM }, stopping.signal)
      : consume(deps, REFUSING, stopping.signal),
  )
}

test('a process that is well says so of every part of it', async () => {
  start('relay')
  start('consumer')
  const vitals = vitalsOf({ disks: [{ path: migrations, what: 'its segments' }] })
  await until(async () => (await read(vitals)).bus?.detail === '' && (await read(vitals)).consumers[0]?.detail === '')
  const said = await read(vitals)
  expect(said).toMatchObject({
    service: 'grant-authz',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    certificate: { spiffeId: 'spiffe://a.test/service/grant-authz', renewalError: '' },
    database: {
      reachable: true,
      detail: '',
      schemaVersion: '0001_events.sql',
      expectedSchemaVersion: '0001_events.sql',
    },
    outbox: { waiting: 0n },
    bus: { connected: true, stream: STREAM },
    consumers: [{ name: REFUSING.consumer, pending: 0n, unsettled: 0n, deadLetters: 0n }],
  })
  expect(Math.abs(durationMs(said.database!.clockOffset!))).toBeLessThan(10_000)
  expect(said.disks.map(({ what }) => what)).toEqual(['its identity', 'its segments'])
  for (const { freeBytes, totalBytes } of said.disks) {
    expect(totalBytes).toBeGreaterThan(0n)
    expect(freeBytes).toBeLessThanOrEqual(totalBytes)
  }
})

test('what was refused for good is counted, and what waits while NATS is away is too, with since when', async () => {
  start('relay')
  start('consumer')
  const vitals = vitalsOf()
  await announce()
  await until(async () => (await read(vitals)).consumers[0]?.deadLetters === 1n)

  await nats.kill()
  await until(async () => (await read(vitals)).bus?.connected === false)
  const before = systemClock.now()
  await announce()
  await announce()
  const said = await read(vitals)
  expect(said.bus?.detail).toMatch(/no connection to NATS/)
  expect(said.consumers).toMatchObject([{ deadLetters: 1n, detail: expect.stringMatching(/no connection/) }])
  expect(said.outbox?.waiting).toBe(2n)
  expect(timestampDate(said.outbox!.oldestAt!).getTime()).toBeGreaterThanOrEqual(before.getTime() - 1_000)
  expect(said.database?.reachable).toBe(true)
})

test('a stream and a consumer that are not there are named', async () => {
  await until(() => bus.isConnected())
  const { bus: ours, consumers } = await read(vitalsOf())
  expect(ours).toMatchObject({ connected: true, detail: `there is no stream ${STREAM} yet` })
  expect(consumers[0]?.detail).toMatch(/stream not found/)
})

test('a schema that is behind the code is told with both of its versions', async () => {
  const newer = mkdtempSync(join(tmpdir(), 'powernode-test-vitals-'))
  writeFileSync(join(newer, '0001_events.sql'), FIRST)
  writeFileSync(join(newer, '0002_more.sql'), '-- breaking: no\nselect 1;\n')
  const { database: said } = await read(vitalsOf({ database: { db: database.db, schema: SCHEMA, migrations: newer } }))
  expect(said).toMatchObject({
    reachable: true,
    schemaVersion: '0001_events.sql',
    expectedSchemaVersion: '0002_more.sql',
  })
})

describe('a database', () => {
  test('that is not there is told as that, and everything else all the same', async () => {
    const db = openDb<object>({ url: 'postgres://nobody@127.0.0.1:1/none', schema: SCHEMA, applicationName: 'test' })
    const said = await read(vitalsOf({ database: { db, schema: SCHEMA, migrations } }))
    expect(said.database).toMatchObject({ reachable: false, detail: expect.stringMatching(/ECONNREFUSED/) })
    expect(said.outbox).toBeUndefined()
    expect(said.consumers).toHaveLength(1)
    expect(said.certificate?.spiffeId).not.toBe('')
    await db.destroy()
  })

  test('that hangs is given up in time, and asked only once however often somebody wants to know', async () => {
    const road = await frozenRoad(database.url)
    const statements: number[] = []
    const onStatement = ({ ms }: { readonly ms: number }) => void statements.push(ms)
    const db = openDb<object>({ url: road.url, schema: SCHEMA, applicationName: 'test', onStatement })
    const vitals = vitalsOf({ database: { db, schema: SCHEMA, migrations } })
    expect((await read(vitals)).database?.reachable).toBe(true)
    const before = statements.length

    void road.freeze()
    const since = systemClock.elapsed()
    for (let asked = 0; asked < 3; asked += 1) {
      const said = await read(vitals)
      expect(said.database).toMatchObject({ reachable: false, detail: 'no answer within 2000 ms' })
    }
    expect(systemClock.elapsed() - since).toBeLessThan(60_000)
    road.thaw()
    await until(async () => (await read(vitals)).database?.reachable === true)
    expect(statements.length - before).toBeLessThanOrEqual(6) // three questions that hung, and three after it
    await db.destroy()
    await road.close()
  })
})

describe('an identity', () => {
  test('that could not be renewed says why, until it could', async () => {
    const vitals = vitalsOf()
    vitals.onRenewal(new Refusal('SERVICE_UNAVAILABLE', 'peer-registry is away'))
    expect((await read(vitals)).certificate?.renewalError).toBe('peer-registry is away')
    vitals.onRenewal(undefined)
    expect((await read(vitals)).certificate?.renewalError).toBe('')
  })

  test('of which half is gone is told as that, beside the whole one that goes on being used', async () => {
    const vitals = vitalsOf()
    rmSync(join(tlsDir, 'key.pem'))
    const { certificate } = await read(vitals)
    expect(certificate?.renewalError).toMatch(/half a key pair/)
    expect(certificate?.spiffeId).toBe('spiffe://a.test/service/grant-authz')
    expect(certificate?.expiresAt).toBeDefined()
  })
})

test('a process without a database and without news has the rest', async () => {
  const said = await read(openVitals({ name: 'federation-gateway', clock: systemClock, tlsDir }))
  expect(said).toMatchObject({ service: 'federation-gateway', consumers: [] })
  expect([said.database, said.outbox, said.bus]).toEqual([undefined, undefined, undefined])
  expect(said.disks).toHaveLength(1)
})

test('nobody but liveness and operators who may read the federation is told', async () => {
  const { clientAs } = startTestServer(vitalsOf().mount)
  await refusesEverybodyElse(VitalsService, VITALS_CALLERS, clientAs)
})

test('an agent is told how a process is, and not where on our machines something lies', async () => {
  const vitals = vitalsOf({ disks: [{ path: tlsDir, what: 'the ledger' }] })
  vitals.onRenewal(new Error(`half a key pair in ${tlsDir}/key.pem`))
  const server = startTestServer(vitals.mount)
  const told = await server.clientAs(VitalsService, { kind: 'operator', name: 'robot', agent: true }).getVitals({})
  expect(told.disks.map(({ path, what }) => [path, what])).toEqual([
    ['', 'its identity'],
    ['', 'the ledger'],
  ])
  expect(told.certificate?.renewalError).toBe('half a key pair in key.pem')
  const person = await server.clientAs(VitalsService, { kind: 'operator', name: 'alice' }).getVitals({})
  expect(person.disks[0]?.path).toBe(tlsDir)
})
