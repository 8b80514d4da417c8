import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { systemClock, type Clock } from '@powernode/clock'
import {
  append,
  consume,
  INBOX_SQL,
  openBus,
  OUTBOX_SQL,
  relay,
  type Bus,
  type RawSubscription,
} from '@powernode/events'
import { startTestNats, testSigner, type TestNats } from '@powernode/events/testing'
import { inTransaction, openDb, type Db } from '@powernode/postgres'
import { testDatabase, type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { GrantChangedSchema } from '@powernode/proto/powernode/grant/v1/events_pb.ts'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { MOMENTS, openRoad, type Road } from './ambush.ts'
import { crashingPostgres, type CrashingPostgres } from './crashing-postgres.ts'

type Tables = { said: { number: number }; effect: { position: number; number: number } }

const SCHEMA = 'accounting_test'
const STREAM = 'GRANT_AUTHZ'
const RUNS = 216
const LANES = 10
const EVENTS = 3
/** What is said to Postgres at each step of an event: by who announces it, by the relay, by who hears it. */
const STEPS = [
  'insert into outbox (id',
  'published_at is null order by',
  'update outbox set published_at',
  'update outbox_stream set last_sequence',
  'insert into inbox',
  'insert into effect',
  'commit',
] as const
const ENDS = ['Postgres', 'NATS', 'the disk of NATS', 'who publishes and hears'] as const
// The ends turn fastest and the steps slowest, so that each end meets each step at each moment.
const KINDS = STEPS.flatMap((step) => MOMENTS.flatMap((moment) => ENDS.map((end) => ({ step, moment, end }))))
type Kind = (typeof KINDS)[number] & { readonly nth: number }

const logger = createLogger('accounting-test', { level: 'silent' })
/** No patience: what waits before it tries again waits for a moment only, or the runs would take an hour. */
const hasty: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 50), signal),
}

let dir: string
let identityDir: string
let postgres: CrashingPostgres

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-accounting-'))
  const own = `create table said (number int primary key);
create table effect (position bigint generated always as identity, number int not null);`
  const grants = `grant select, insert, update, delete on outbox, inbox to ${SCHEMA};
grant select, insert, update on outbox_stream to ${SCHEMA};
grant select, insert on dead_letter, said, effect to ${SCHEMA};`
  writeFileSync(join(dir, '0001_events.sql'), `-- breaking: no\n${OUTBOX_SQL}\n${INBOX_SQL}\n${own}\n${grants}\n`)
  ;[identityDir, postgres] = await Promise.all([testSigner('grant-authz'), crashingPostgres()])
})
afterAll(async () => {
  await postgres.stop()
  for (const path of [dir, identityDir]) rmSync(path, { recursive: true })
})

/** The way of events from who announces them to who hears them, with a NATS and a database of its own. */
type Lane = {
  readonly database: TestDatabase<Tables>
  readonly nats: TestNats
  readonly bus: Bus
  readonly road: Road
  readonly db: Db<Tables>
  readonly metrics: ReturnType<typeof createMetrics>
  announced: number
}

async function openLane(): Promise<Lane> {
  const [database, nats] = await Promise.all([
    testDatabase<Tables>({ schema: SCHEMA, dir, adminUrl: postgres.url }),
    startTestNats(),
  ])
  const bus = await openBus({
    servers: nats.url,
    tlsDir: undefined,
    identityDir,
    name: 'accounting-test',
    clock: hasty,
  })
  const road = await openRoad(database.url, postgres.up)
  const db = openDb<Tables>({ url: road.url, schema: SCHEMA, applicationName: 'accounting-test' })
  return { database, nats, bus, road, db, metrics: createMetrics('accounting-test'), announced: 0 }
}

async function closeLane({ database, nats, bus, road, db }: Lane): Promise<void> {
  await bus.close()
  await nats.stop()
  await db.destroy()
  await road.close()
  await database.drop()
}

const HEARS: RawSubscription<Tables> = {
  consumer: 'test--accounting',
  stream: STREAM,
  inOrder: true,
  async handle(tx, _now, { correlationId }) {
    await sql`insert into effect (number) values (${Number(correlationId)})`.execute(tx)
  },
}

/** The processes that publish and hear; each can be stopped at any moment, and another takes its place. */
function started({ db, road, bus, metrics }: Lane) {
  const stopping = new AbortController()
  const deps = { db, bus, clock: hasty, logger, metrics }
  const listener = testListener({ url: road.url, schema: SCHEMA, clock: hasty })
  const running = [
    relay({ ...deps, listener, schema: SCHEMA, stream: STREAM }, stopping.signal),
    consume(deps, HEARS, stopping.signal),
  ]
  return async () => {
    stopping.abort()
    await Promise.all(running)
  }
}

/** Announces the next event, as a verb does: what is so and that it is so in one transaction, again until it happened. */
async function announce(lane: Lane): Promise<void> {
  const number = lane.announced++
  const payload = create(GrantChangedSchema, { grant: { id: 'g' } })
  const about = { noun: 'grant', word: 'issued', id: 'g', actor: 'operator/test', payload } as const
  for (let isSaid = false; !isSaid;) {
    isSaid = await inTransaction(lane.db, async (tx) => {
      const { rows } = await sql`insert into said values (${number}) on conflict do nothing returning 1`.execute(tx)
      if (rows.length === 1) await append(tx, { ...about, correlationId: String(number), at: systemClock.now() })
      return true
    }).catch(() => false)
  }
}

async function heard({ db }: Lane): Promise<readonly number[]> {
  const { rows } = await sql<{ number: number }>`select number from effect order by position`.execute(db)
  return rows.map(({ number }) => number)
}

/** One run: some events are on their way while an end lies in wait at one of their steps. */
async function run(lane: Lane, life: { stop: () => Promise<void> }, { end, ...ambush }: Kind) {
  let hasStruck = false
  let after: Promise<unknown> = Promise.resolve()
  const strike: Record<(typeof ENDS)[number], () => Promise<boolean>> = {
    Postgres: async () => postgres.crash(),
    async NATS() {
      await lane.nats.kill()
      await lane.nats.start()
      return true
    },
    async 'the disk of NATS'() {
      await lane.nats.kill()
      lane.nats.wipe()
      await lane.nats.start()
      return true
    },
    async 'who publishes and hears'() {
      await life.stop()
      life.stop = started(lane)
      return true
    },
  }
  const begin = () => {
    after = strike[end]().then((did) => (hasStruck = did))
  }
  void lane.road.lay({ ...ambush, strike: begin, isElsewhere: end === 'NATS' || end === 'the disk of NATS' })
  for (let n = 0; n < EVENTS; n++) await announce(lane)
  const all = () =>
    eventually(
      () => heard(lane),
      ({ length }) => length >= lane.announced,
      60_000,
    )
  await all()
  lane.road.clear()
  await after
  await all()
  return hasStruck
}

/** What became of a lane's events. */
async function accountOf(lane: Lane) {
  const numbers = await heard(lane)
  const different = new Set(numbers)
  const dead = await sql`select 1 from dead_letter`.execute(lane.db)
  const missing = await lane.metrics.registry.getSingleMetricAsString('fed_events_missing_total').catch(() => '')
  return {
    announced: lane.announced,
    lost: lane.announced - different.size,
    duplicated: numbers.length - different.size,
    outOfOrder: numbers.filter((number, at) => number !== at).length,
    dead: dead.rows.length,
    reportedMissing: missing.includes('} ') ? 1 : 0,
  }
}

test(`over ${RUNS} ends of Postgres, NATS or a service, at all steps, no event is lost, handled twice or out of its turn`, async () => {
  let begun = 0
  let struck = 0
  const counts = new Map<string, number>()
  const lanes = await Promise.all(Array.from({ length: LANES }, openLane))
  const accountFor = async (lane: Lane) => {
    const life = { stop: started(lane) }
    // A step may not come again in a run, and a Postgres may be down already: only those count in which it struck.
    for (let isWhole = true; isWhole && struck < RUNS && begun < 3 * RUNS;) {
      const round = Math.floor(begun / KINDS.length)
      const kind = KINDS[begun++ % KINDS.length]! // within it, by the remainder
      // Many commit in turn: now it is who announces, now the relay, now who hears.
      const nth = kind.step === 'commit' ? 1 + 2 * round : 1
      // What does not arrive in a minute is lost: the account says so.
      const hasStruck = await run(lane, life, { ...kind, nth }).catch(() => (isWhole = false))
      if (!hasStruck) continue
      struck++
      counts.set(kind.end, (counts.get(kind.end) ?? 0) + 1)
    }
    await postgres.up()
    const account = await accountOf(lane)
    await life.stop()
    return account
  }
  const accounts = await Promise.all(lanes.map(accountFor))
  await Promise.all(lanes.map(closeLane))
  const sum = (of: keyof (typeof accounts)[number]) => accounts.reduce((all, account) => all + account[of], 0)
  const account = {
    announced: sum('announced'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    outOfOrder: sum('outOfOrder'),
    dead: sum('dead'),
    reportedMissing: sum('reportedMissing'),
  }
  const said = { struck, begun, restarts: postgres.crashes(), ...account }
  process.stdout.write(`events: ${JSON.stringify(said)} ${JSON.stringify(Object.fromEntries(counts))}\n`)
  expect(account).toMatchObject({ lost: 0, duplicated: 0, outOfOrder: 0, dead: 0, reportedMissing: 0 })
  expect(struck).toBeGreaterThanOrEqual(RUNS)
  for (const end of ENDS) expect(counts.get(end), end).toBeGreaterThanOrEqual(RUNS / 8)
}, 600_000)
