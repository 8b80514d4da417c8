import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { testDatabase, type TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { append, consume, INBOX_SQL, openBus, OUTBOX_SQL, relay, type Bus, type RawSubscription } from './index.ts'
import { startTestNats, testSigner, until, type TestNats } from './testing.ts'

type Tables = { effect: { position: number; number: number } }

const SCHEMA = 'accounting_test'
const STREAM = 'GRANT_AUTHZ'
const RUNS = 210
const EVENTS = 4
const logger = createLogger('accounting-test', { level: 'silent' })
const metrics = createMetrics('accounting-test')

let dir: string
let identityDir: string
let database: TestDatabase<Tables>
let nats: TestNats
let bus: Bus

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-accounting-'))
  const effect = 'create table effect (position bigint generated always as identity, number int not null);'
  const grants = `grant select, insert, update, delete on outbox, inbox to ${SCHEMA};
grant select, insert, update on outbox_stream to ${SCHEMA};
grant select, insert on dead_letter, effect to ${SCHEMA};`
  writeFileSync(join(dir, '0001_events.sql'), `-- breaking: no\n${OUTBOX_SQL}\n${INBOX_SQL}\n${effect}\n${grants}\n`)
  identityDir = await testSigner('grant-authz')
  ;[database, nats] = await Promise.all([testDatabase<Tables>({ schema: SCHEMA, dir }), startTestNats()])
  bus = await openBus({ servers: nats.url, tlsDir: undefined, identityDir, name: 'accounting-test' })
})
afterAll(async () => {
  await bus.close()
  await nats.stop()
  await database.drop()
  for (const path of [dir, identityDir]) rmSync(path, { recursive: true })
})

/** Which step fails, once, of the handling of which event. */
let broken: { readonly number: number; readonly step: 'before' | 'after' } | undefined

const ROW: RawSubscription<Tables> = {
  consumer: 'test--accounting',
  stream: STREAM,
  inOrder: true,
  async handle(tx, _now, { correlationId }) {
    const number = Number(correlationId)
    const breaks = (step: 'before' | 'after') => {
      if (broken?.number !== number || broken.step !== step) return
      broken = undefined
      throw new Error(`broken ${step} the effect`)
    }
    breaks('before')
    await sql`insert into effect (number) values (${number})`.execute(tx)
    breaks('after')
  },
}

/** The processes that publish and hear; each can be stopped at any moment, and another takes its place. */
function started() {
  const stopping = new AbortController()
  const deps = { db: database.db, bus, clock: systemClock, logger, metrics }
  const listening = { url: database.url, schema: SCHEMA, applicationName: 'accounting-test' }
  const running = [
    relay({ ...deps, database: listening, schema: SCHEMA, stream: STREAM }, stopping.signal),
    consume(deps, ROW, stopping.signal),
  ]
  return async () => {
    stopping.abort()
    await Promise.all(running)
  }
}

async function announce(number: number): Promise<void> {
  const payload = create(GrantChangedSchema, { grant: { id: 'g' } })
  const about = { noun: 'grant', word: 'issued', id: 'g', actor: 'operator/test', payload } as const
  const said = { ...about, correlationId: String(number), at: systemClock.now() }
  await inTransaction(database.db, (tx) => append(tx, said))
}

const count = async () => (await sql<{ n: number }>`select count(*)::int as n from effect`.execute(database.db)).rows[0]?.n ?? 0 // prettier-ignore

let stop: () => Promise<void>

/** What happens in the middle of a run, while events are on their way. Each leaves everything to go on by itself. */
const MISFORTUNES: Readonly<Record<string, (first: number) => Promise<unknown>>> = {
  'the handling breaks before its effect': async (first) => (broken = { number: first + 2, step: 'before' }),
  'the handling breaks after its effect': async (first) => (broken = { number: first + 2, step: 'after' }),
  'who publishes and hears is started again': async () => {
    await stop()
    stop = started()
  },
  'NATS is killed': async () => {
    await nats.kill()
    await nats.start()
  },
  'NATS loses its disk': async () => {
    await nats.kill()
    nats.wipe()
    await nats.start()
  },
  'the database cuts every connection': async () => {
    const { rows } = await sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`.execute(database.db)
    await until(() => sql`select 1`.execute(database.db).then(() => true, () => false)) // prettier-ignore
    return rows
  },
}

test(`over ${RUNS} misfortunes no event is lost, none is handled twice, and none out of its turn`, async () => {
  stop = started()
  const ways = Object.entries(MISFORTUNES)
  for (let run = 0; run < RUNS; run++) {
    const [name, misfortune] = ways[run % ways.length] ?? ways[0]!
    const first = run * EVENTS
    for (const number of [0, 1]) await announce(first + number)
    // Now before, now after the first ones were handled.
    if (run % 2 === 0) await until(async () => (await count()) > first)
    await misfortune(first)
    for (const number of [2, 3]) await announce(first + number)
    await until(async () => (await count()) >= first + EVENTS)
    expect(await count(), name).toBe(first + EVENTS)
  }
  const { rows } = await sql<{ number: number }>`select number from effect order by position`.execute(database.db)
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: RUNS * EVENTS }, (_, number) => number))
  expect((await sql`select 1 from dead_letter`.execute(database.db)).rows).toEqual([])
  expect(await metrics.registry.getSingleMetricAsString('fed_events_missing_total').catch(() => '')).not.toContain('} ')
  await stop()
}, 600_000)
