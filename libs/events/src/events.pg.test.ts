import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { systemClock, type Clock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction, type Tx } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics, elapsed } from '@powernode/process'
import { EventSchema } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { sql } from 'kysely'
import { connect, type NatsConnection } from 'nats'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  append,
  consume,
  INBOX_SQL,
  openBus,
  OUTBOX_SQL,
  outboxIsEmpty,
  pendingDeliveries,
  relay,
  subscription,
  type Bus,
  type RawSubscription,
  type Subscription,
} from './index.ts'
import { takeTurn } from './outbox.ts'
import { checkStream, relayBatch } from './relay-batch.ts'
import { keptLog, publishSigned, startTestNats, type TestNats, testSigner, until } from './testing.ts'

type Tables = { effect: { position: number; consumer: string; grant_id: string } }

const SCHEMA = 'events_test'
const STREAM = 'GRANT_AUTHZ'
const migrations = mkdtempSync(join(tmpdir(), 'powernode-test-events-'))
writeFileSync(
  join(migrations, '0001_events.sql'),
  `-- breaking: no
${OUTBOX_SQL}
${INBOX_SQL}
create table effect (position bigint generated always as identity, consumer text not null, grant_id text not null);
grant select, insert, update, delete on outbox, inbox to ${SCHEMA};
grant select, insert, update on outbox_stream to ${SCHEMA};
grant select, insert on dead_letter, effect to ${SCHEMA};
`,
)

const { logger, begin } = keptLog('events-test')
const identityDir = await testSigner('grant-authz')
let database: TestDatabase<Tables>
let nats: TestNats
let bus: Bus
let stopping: AbortController
let running: Promise<void>[]

beforeEach(async (context) => {
  begin(context)
  ;[database, nats] = await Promise.all([testDatabase<Tables>({ schema: SCHEMA, dir: migrations }), startTestNats()])
  bus = await openBus({ servers: nats.url, tlsDir: undefined, identityDir, name: 'events-test' })
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

function deps() {
  return { db: database.db, bus, clock: systemClock, logger, metrics: createMetrics('events-test') }
}

function startRelay(clock: Clock = systemClock): void {
  const listener = testListener({ url: database.url, schema: SCHEMA, applicationName: 'events-test' })
  running.push(relay({ ...deps(), clock, listener, schema: SCHEMA, stream: STREAM }, stopping.signal))
}

function startConsumer(row: Subscription<Tables> | RawSubscription<Tables>): void {
  running.push(consume(deps(), row, stopping.signal))
}

type Handle = Subscription<Tables, typeof GrantChangedSchema>['handle']

/** Notes the grant of each event it hears. */
function noting(consumer: string, before: Handle = async () => {}): Subscription<Tables> {
  return subscription({
    consumer,
    stream: STREAM,
    subject: 'fed.grant.issued.*',
    event: GrantChangedSchema,
    async handle(...heard) {
      await before(...heard)
      const [tx, , { grant }] = heard
      await sql`insert into effect (consumer, grant_id) values (${consumer}, ${grant?.id ?? ''})`.execute(tx)
    },
  }) // a list of rows of many payloads knows only that they are messages
}

function announce(tx: Tx<Tables>, grantId: string): Promise<string> {
  const payload = create(GrantChangedSchema, { grant: { id: grantId } })
  const about = { noun: 'grant', word: 'issued', id: grantId } as const
  return append(tx, { ...about, actor: 'operator/test', at: systemClock.now(), payload })
}

async function announceAll(...grantIds: string[]): Promise<void> {
  for (const id of grantIds) await inTransaction(database.db, (tx) => announce(tx, id))
}

async function effectsOf(consumer: string): Promise<string[]> {
  const { rows } = await sql<{ grant_id: string }>`
    select grant_id from effect where consumer = ${consumer} order by position`.execute(database.db)
  return rows.map(({ grant_id }) => grant_id)
}

async function deadLetters(): Promise<readonly { reason: string; subject: string }[]> {
  return (await sql<{ reason: string; subject: string }>`select reason, subject from dead_letter`.execute(database.db))
    .rows
}

const heard = (consumer: string, count: number) => until(async () => (await effectsOf(consumer)).length >= count)

async function quiet(): Promise<void> {
  await until(async () => (await outboxIsEmpty(database.db)) && (await pendingDeliveries(bus, stopping.signal)) === 0)
}

/** What an operator does with the nats command line. */
async function asOperator(act: (connection: NatsConnection) => Promise<unknown>): Promise<void> {
  const connection = await connect({ servers: nats.url })
  await act(connection)
  await connection.close()
}

test('what is committed is heard once and in its order, and what is rolled back never', async () => {
  startRelay()
  startConsumer(noting('test--order'))
  await inTransaction(database.db, async (tx) => {
    await announce(tx, 'never')
    throw new Error('changed my mind')
  }).catch(() => {})
  const ids = Array.from({ length: 300 }, (_, at) => `g${at}`)
  await announceAll(...ids)
  await heard('test--order', 300)
  await quiet()
  expect(await effectsOf('test--order')).toEqual(ids)
})

test('an event is handled within moments of its commit', async () => {
  // Whoever waits for a slow timer of the relay waits for most of a minute: no machine is as busy as that.
  startRelay({ ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * 10, signal) })
  startConsumer(noting('test--latency'))
  await announceAll('warm')
  await heard('test--latency', 1)
  const taken: number[] = []
  for (let at = 2; at <= 21; at++) {
    await announceAll(`g${at}`)
    const ms = elapsed()
    await heard('test--latency', at)
    taken.push(ms())
  }
  taken.sort((a, b) => a - b)
  expect(taken[10]).toBeLessThan(25_000) // about 10 ms
})

test('a fault is tried again, does not hold up the others, and leaves nothing half done', async () => {
  let faults = 0
  startRelay()
  startConsumer(
    noting('test--fault', async (tx, _now, { grant }) => {
      if (grant?.id !== 'broken' || ++faults > 2) return
      await sql`insert into effect (consumer, grant_id) values ('test--fault', 'half')`.execute(tx)
      throw new Error('not yet')
    }),
  )
  await announceAll('broken', 'fine')
  await heard('test--fault', 2)
  await quiet()
  expect(await effectsOf('test--fault')).toEqual(['fine', 'broken'])
  expect(await deadLetters()).toEqual([])
})

test('what is refused or cannot be read is laid aside, and the queue goes on', async () => {
  startRelay()
  startConsumer(
    noting('test--refused', async (_tx, _now, { grant }) => {
      if (grant?.id === 'refused') throw Object.assign(new Error('no'), { name: 'Refusal', reason: 'MOVE_NOT_ALLOWED' })
    }),
  )
  await announceAll('first', 'refused')
  await heard('test--refused', 1)
  const source = 'grant-authz'
  const id = '019f0000-0000-7000-8000-000000000000'
  await publishSigned(bus, 'fed.grant.issued.garbage', new Uint8Array([255, 255, 255]))
  await publishSigned(bus, 'fed.grant.issued.nameless', toBinary(EventSchema, create(EventSchema, { source })))
  await publishSigned(bus, 'fed.grant.issued.empty', toBinary(EventSchema, create(EventSchema, { id, source })))
  await announceAll('last')
  await heard('test--refused', 2)
  await quiet()
  expect(await effectsOf('test--refused')).toEqual(['first', 'last'])
  expect((await deadLetters()).map(({ reason }) => reason).sort()).toEqual([
    'MOVE_NOT_ALLOWED',
    'NO_ID',
    'UNREADABLE',
    'WRONG_PAYLOAD',
  ])
})

/** Hears every event of the stream in its order, and notes what it is about. */
const notingInOrder = (consumer: string): RawSubscription<Tables> => ({
  consumer,
  stream: STREAM,
  inOrder: true,
  async handle(tx, _now, { payload }) {
    const { grant } = fromBinary(GrantChangedSchema, payload?.value ?? new Uint8Array())
    await sql`insert into effect (consumer, grant_id) values (${consumer}, ${grant?.id ?? ''})`.execute(tx)
  },
})

test('who hears in order does so though a process is killed with events at hand, and among replicas', async () => {
  const row = notingInOrder('test--in-order')
  startRelay()
  startConsumer(row)
  await announceAll('one')
  await heard('test--in-order', 1)
  stopping.abort()
  await Promise.all(running)
  stopping = new AbortController()
  running = []
  startRelay()
  await announceAll('two', 'three')
  await until(() => outboxIsEmpty(database.db))
  await asOperator(async (connection) => {
    const consumer = await connection.jetstream().consumers.get(STREAM, 'test--in-order')
    const taken = await consumer.fetch({ max_messages: 2, expires: 1_000 })
    for await (const _ of taken); // and never acknowledged: its process is gone
  })
  await announceAll('four')
  startConsumer(row)
  startConsumer(row)
  await heard('test--in-order', 4)
  expect(await effectsOf('test--in-order')).toEqual(['one', 'two', 'three', 'four'])
})

test('a durable consumer of an earlier release is brought into line', async () => {
  startRelay()
  startConsumer(noting('test--line'))
  await announceAll('one')
  await heard('test--line', 1)
  startConsumer(notingInOrder('test--line'))
  await asOperator(async (connection) => {
    const jsm = await connection.jetstreamManager()
    await until(async () => (await jsm.consumers.info(STREAM, 'test--line')).config.max_ack_pending === 1)
  })
})

test('a repeated delivery has no second effect', async () => {
  startRelay()
  startConsumer(noting('test--repeat'))
  await announceAll('once')
  await heard('test--repeat', 1)
  const { rows } = await sql<{ id: string; event: Uint8Array }>`select id, event from outbox`.execute(database.db)
  for (const _ of [1, 2, 3]) await publishSigned(bus, 'fed.grant.issued.once', rows[0]?.event ?? new Uint8Array())
  await announceAll('twin')
  await heard('test--repeat', 2)
  await quiet()
  expect(await effectsOf('test--repeat')).toEqual(['once', 'twin'])
})

test('a NATS that is away costs nothing but time', async () => {
  startRelay()
  startConsumer(noting('test--away'))
  await announceAll('before')
  await heard('test--away', 1)
  await nats.kill()
  await announceAll('during', 'still')
  await nats.start()
  await heard('test--away', 3)
  expect(await effectsOf('test--away')).toEqual(['before', 'during', 'still'])
})

test('a NATS that lost its disk is filled again from Postgres, also for those who had not heard yet', async () => {
  startRelay()
  startConsumer(noting('test--wiped'))
  await announceAll('one', 'two')
  await heard('test--wiped', 2)
  await nats.kill()
  nats.wipe()
  await announceAll('three')
  await nats.start()
  await heard('test--wiped', 3)
  startConsumer(noting('test--newcomer'))
  await heard('test--newcomer', 3)
  await quiet()
  expect(await effectsOf('test--wiped')).toEqual(['one', 'two', 'three'])
  expect(await effectsOf('test--newcomer')).toEqual(['one', 'two', 'three'])
})

test('a stream that was wiped while nobody relayed is noticed at the next start', async () => {
  startRelay()
  await announceAll('one')
  await until(() => outboxIsEmpty(database.db))
  stopping.abort()
  await Promise.all(running)
  await nats.kill()
  nats.wipe()
  await nats.start()
  stopping = new AbortController()
  running = []
  startRelay()
  startConsumer(noting('test--later'))
  await heard('test--later', 1)
  expect(await effectsOf('test--later')).toEqual(['one'])
})

test('a deleted stream and a deleted consumer come back by themselves', async () => {
  startRelay()
  startConsumer(noting('test--deleted'))
  await announceAll('one')
  await heard('test--deleted', 1)
  await asOperator(async (connection) =>
    (await connection.jetstreamManager()).consumers.delete(STREAM, 'test--deleted'),
  )
  await announceAll('two')
  await heard('test--deleted', 2)
  await asOperator(async (connection) => (await connection.jetstreamManager()).streams.delete(STREAM))
  await announceAll('three')
  await heard('test--deleted', 3)
  expect(await effectsOf('test--deleted')).toEqual(['one', 'two', 'three'])
})

test('of several relays one publishes at a time, and the order holds', async () => {
  startRelay()
  startRelay()
  startRelay()
  startConsumer(noting('test--relays'))
  const ids = Array.from({ length: 100 }, (_, at) => `g${at}`)
  await announceAll(...ids)
  await heard('test--relays', 100)
  expect(await effectsOf('test--relays')).toEqual(ids)
  await asOperator(async (connection) => {
    const { state } = await (await connection.jetstreamManager()).streams.info(STREAM)
    expect(state.messages).toBe(100)
  })
})

test('a relay whose schema another one serves publishes nothing', async () => {
  const connection = await bus.connection(stopping.signal)
  const source = { db: database.db, clock: systemClock, stream: STREAM, replicas: 1, retentionMs: 1 } as const
  await checkStream(source, connection!)
  await announceAll('one')
  const turn = () => relayBatch(source, connection!.jetstream(), bus.identity().signer)
  await inTransaction(database.db, async (other) => {
    expect(await takeTurn(other)).toBe(true)
    expect(await turn()).toMatchObject({ published: 0, more: false })
  })
  expect(await turn()).toMatchObject({ published: 1, more: false })
})

test('what was published goes when its time is over, and what was not stays', async () => {
  const clock = new FakeClock(systemClock.now())
  const connection = await bus.connection(stopping.signal)
  const source = { db: database.db, clock, stream: STREAM, replicas: 1, retentionMs: 60_000 } as const
  const kept = async () => (await sql`select 1 from outbox`.execute(database.db)).rows.length
  await checkStream(source, connection!)
  await announceAll('published')
  await relayBatch(source, connection!.jetstream(), bus.identity().signer)
  await announceAll('waiting')
  await clock.advance(60_000)
  await checkStream(source, connection!)
  expect(await kept()).toBe(2)
  await clock.advance(1)
  await checkStream(source, connection!)
  expect(await kept()).toBe(1)
  expect(await outboxIsEmpty(database.db)).toBe(false)
})

test('two replicas of one consumer share its events', async () => {
  startRelay()
  startConsumer(noting('test--replicas'))
  startConsumer(noting('test--replicas'))
  const ids = Array.from({ length: 50 }, (_, at) => `g${at}`)
  await announceAll(...ids)
  await heard('test--replicas', 50)
  await quiet()
  expect((await effectsOf('test--replicas')).sort()).toEqual(ids.sort())
})

test('a stream that nobody has made yet is waited for, with a word at once and one each minute or so', async () => {
  const lines: string[] = []
  const noted = createLogger('events-test', { destination: { write: (line) => void lines.push(line) } })
  const clock = new FakeClock()
  running.push(consume({ ...deps(), logger: noted, clock }, noting('test--early'), stopping.signal))
  while (lines.length < 2) {
    await clock.sleeping()
    await clock.advance(1_000)
  }
  const said = lines.map((line) => JSON.parse(line))
  expect(said).toMatchObject([
    { level: 'info', stream: STREAM, attempt: 1, msg: expect.stringMatching(/waits for the stream/) },
    { level: 'warn', stream: STREAM, attempt: 60, msg: expect.stringMatching(/does its service run/) },
  ])
  startRelay()
  await announceAll('g1')
  await until(async () => {
    await clock.advance(1_000)
    return (await effectsOf('test--early')).length === 1
  })
})

test('a bus opens, and a service stops, though NATS was never there', async () => {
  const absent = await openBus({ servers: 'nats://127.0.0.1:1', tlsDir: undefined, name: 'events-test' })
  const stop = new AbortController()
  const consuming = consume({ ...deps(), bus: absent }, noting('test--absent'), stop.signal)
  expect(absent.isConnected()).toBe(false)
  stop.abort()
  await consuming
  await absent.close()
})

test('NATS over a network is never spoken to in plaintext', async () => {
  const options = { servers: 'nats://nats.example:4222', tlsDir: undefined, name: 'events-test' }
  await expect(openBus(options)).rejects.toThrow(/needs TLS/)
})
