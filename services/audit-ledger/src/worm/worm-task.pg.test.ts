import { systemClock } from '@powernode/clock'
import { openBus, openShelf, type Bus } from '@powernode/events'
import { startTestNats, until, type TestNats } from '@powernode/events/testing'
import { inTransaction, openDb, type Db } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { grow, ORIGIN, PEER } from '../files/testing/grow.ts'
import { listAlarms } from '../operations/alarms/list-alarms.ts'
import { listLogs } from '../operations/read/list-logs.ts'
import type { Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { openWorm, type Worm } from './worm-task.ts'

let database: TestDatabase<Tables>
let nats: TestNats
let bus: Bus
let worm: Worm
let running: Promise<void>
let db: Db<Tables>
const signal = new AbortController().signal
const metrics = createMetrics('test')
let stopping: AbortController
const lines: string[] = []

beforeEach(async () => {
  ;[database, nats] = await Promise.all([testLedger(), startTestNats()])
  bus = await openBus({ servers: nats.url, tlsDir: undefined, name: 'audit-ledger', clock: systemClock })
  db = openDb<Tables>({ url: database.url, schema: 'audit_ledger', applicationName: 'worm' })
})

function start(): void {
  stopping = new AbortController()
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  worm = openWorm({ db, bus, clock: systemClock, logger, metrics })
  running = worm.task(stopping.signal)
}

afterEach(async () => {
  stopping.abort()
  await bus.close()
  await running
  await db.destroy()
  await nats.stop()
  await database.drop()
})

/** Up to which segment the stream has come. */
async function lastSegment(): Promise<number> {
  const shelf = await openShelf(bus, {}, signal)
  return Number((await shelf?.last(`worm.${PEER}`))?.header('Ledger-Segment') ?? -1)
}

/** How many entries are in the stream, as any replica says it. */
async function wormSize(): Promise<number | undefined> {
  const asked = { log: PEER, after: '', limit: 1 }
  return (await inTransaction(database.db, (tx) => listLogs(tx, systemClock.now(), asked)))[0]?.worm
}

test('segments go into the stream as they fill, and all of them again when it has lost its disk', async () => {
  start()
  await grow(database.db, 600)
  worm.ring(1)
  await until(async () => (await lastSegment()) === 1)
  await nats.kill()
  await until(() => !bus.isConnected())
  nats.wipe()
  await grow(database.db, 300)
  await nats.start()
  await until(async () => (await lastSegment()) === 2)
  await until(async () => (await wormSize()) === 768)
})

test('each start holds the whole stream against the database, and gives the alarm for what is not the same', async () => {
  start()
  await grow(database.db, 600)
  worm.ring(1)
  await until(async () => (await lastSegment()) === 1)
  const gauged = async (name: string) => (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value ?? 0
  const verifiedAt = () => gauged('fed_audit_last_verified_timestamp_seconds')
  await until(async () => (await verifiedAt()) > 0)
  stopping.abort()
  await running
  expect(lines.join()).not.toContain('ALARM')
  const before = await verifiedAt()

  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'audit_ledger', applicationName: 'somebody who may' })
  await sql`alter table entry disable trigger user`.execute(owner)
  const forged = sql`convert_to(replace(convert_from(leaf, 'UTF8'), 'allowed', 'refused'), 'UTF8')`
  await sql`update entry set leaf = ${forged}, leaf_hash = sha256('\\x00'::bytea || ${forged}) where sequence = 7`.execute(
    owner,
  )
  await owner.destroy()
  start()
  await until(() => lines.some((line) => line.includes('ALARM') && line.includes('entry 7')))
  await until(async () => (await gauged('fed_audit_worm_contradictions')) === 1)

  const open = () =>
    inTransaction(database.db, (tx) => listAlarms(tx, systemClock.now(), { peerId: PEER, openOnly: true }))
  await until(async () => (await open()).length === 1)
  const [alarm] = await open()
  expect(alarm).toMatchObject({ peerId: PEER, whose: 'ours', kind: 'worm', detail: expect.stringContaining('entry 7') })
  expect(await verifiedAt(), 'what contradicts itself is not verified').toBe(before)
  for (const note of [alarm?.firstNote, alarm?.secondNote]) expect(note).toContain(`${ORIGIN}\n600\n`)
})
