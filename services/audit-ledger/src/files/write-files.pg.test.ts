import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '@powernode/clock'
import { until } from '@powernode/events/testing'
import { filesIn, verifyDirectory } from '@powernode/ledger'
import { inTransaction, openDb, type Db } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { createHealth } from '@powernode/rpc'
import { parseCheckpoint, parseNote } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listAlarms } from '../operations/alarms/list-alarms.ts'
import { listLogs } from '../operations/read/list-logs.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import { testLedger } from '../testing.ts'
import { durableFolder } from './durable.ts'
import { createFilesState } from './files-state.ts'
import { nothingRung, ring } from './rounds.ts'
import { grow, KEYS, ORIGIN, PEER, TRUST_DOMAIN } from './testing/grow.ts'
import { writeFiles } from './write-files.ts'

let database: TestDatabase<Tables>
let dir: string
const replicas: Replica[] = []

beforeEach(async () => {
  database = await testLedger()
  dir = mkdtempSync(join(tmpdir(), 'powernode-test-write-'))
})

afterEach(async () => {
  for (const replica of replicas.splice(0)) await replica.stop()
  await database.drop()
  rmSync(dir, { recursive: true })
})

type Replica = {
  readonly db: Db<Tables>
  readonly metrics: ReturnType<typeof createMetrics>
  /** What keeps it from appending. */
  readonly obstacle: () => string | undefined
  /** As the checkpoint channel does. */
  readonly ring: () => void
  readonly stop: () => Promise<void>
}

function startReplica({ into = dir, sealIntervalMs = 60_000, required = false } = {}): Replica {
  const stopping = new AbortController()
  const db = openDb<Tables>({
    url: database.url,
    schema: 'audit_ledger',
    applicationName: `replica ${replicas.length}`,
  })
  const metrics = createMetrics('test')
  let obstacle: string | undefined
  const obstacles = { set: (_part: string, why: string | undefined) => void (obstacle = why) }
  const state = createFilesState({ metrics, health: createHealth(), obstacles, required })
  const rung = nothingRung()
  const logger = createLogger('test', { level: 'silent' })
  const deps = { db, clock: systemClock, logger, folder: durableFolder(into), sealIntervalMs, state }
  const running = writeFiles(deps, rung, stopping.signal)
  const replica = {
    db,
    metrics,
    obstacle: () => obstacle,
    ring: () => ring(rung, 1),
    async stop() {
      stopping.abort()
      await running
      await db.destroy()
    },
  }
  replicas.push(replica)
  return replica
}

const stopAll = async () => {
  for (const replica of replicas.splice(0)) await replica.stop()
}
const sealedIn = (root: string): number => {
  const path = join(root, ORIGIN, 'checkpoint')
  return existsSync(path) ? parseCheckpoint(parseNote(readFileSync(path, 'utf8')).body).size : 0
}
const verified = (root = dir) => verifyDirectory(filesIn(join(root, ORIGIN)), [KEYS.verifierOf(ORIGIN)])
const valueOf = async ({ metrics }: Replica, name: string) =>
  (await metrics.registry.getSingleMetric(name)?.get())?.values[0]?.value

test('a segment is there as soon as it is full, the rest at seal times, and all of it when the service stops', async () => {
  const replica = startReplica()
  await grow(replica.db, 300)
  replica.ring()
  await until(() => existsSync(join(dir, ORIGIN, 'tile/entries/000')))
  expect(sealedIn(dir)).toBe(0)
  await stopAll()
  expect(sealedIn(dir)).toBe(300)

  const brisk = startReplica({ sealIntervalMs: 50 })
  await grow(brisk.db, 5)
  await until(() => sealedIn(dir) === 305)
  expect(await verified()).toMatchObject({ intact: true, damages: [] })
})

test('how far the files have come is known to every replica, as soon as that is durable', async () => {
  const replica = startReplica({ sealIntervalMs: 50 })
  const told = async () => {
    const all = await inTransaction(database.db, (tx) =>
      listLogs(tx, systemClock.now(), { log: '', after: '', limit: 9 }),
    )
    return all.map(({ sealed, worm }) => ({ sealed, worm }))
  }
  await grow(replica.db, 300)
  expect(await told()).toEqual([{ sealed: 0, worm: 0 }])
  await until(async () => (await told())[0]?.sealed === 300)
  expect(sealedIn(dir)).toBe(300)
  await grow(replica.db, 5)
  await until(async () => (await told())[0]?.sealed === 305)
})

test('files that say something else than the log are an alarm with what they say, once, told to all, and of each log', async () => {
  const replica = startReplica({ sealIntervalMs: 50 })
  const platform = join(TRUST_DOMAIN, 'platform')
  await grow(replica.db, 5)
  await grow(replica.db, 5, 'platform')
  await until(() => [ORIGIN, platform].every((origin) => existsSync(join(dir, origin, 'checkpoint'))))
  await stopAll()
  for (const origin of [ORIGIN, platform]) {
    const path = join(dir, origin, 'checkpoint')
    const forged = readFileSync(path, 'utf8').replace(/\n5\n.*/, `\n5\n${Buffer.alloc(32, 7).toString('base64')}`)
    rmSync(path)
    writeFileSync(path, forged)
  }

  const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(database.db, verb)
  const alarms = () => act((tx) => listAlarms(tx, systemClock.now(), { peerId: '', openOnly: true }))
  startReplica({ sealIntervalMs: 50 })
  await until(async () => (await alarms()).length === 2)
  await stopAll()
  startReplica({ sealIntervalMs: 50 })
  await grow(database.db, 5)
  await stopAll()
  const found = await alarms()
  expect(
    found
      .map(({ peerId, whose, kind }) => ({ peerId, whose, kind }))
      .toSorted((a, b) => a.peerId.length - b.peerId.length),
  ).toEqual([
    { peerId: '', whose: 'ours', kind: 'files' },
    { peerId: PEER, whose: 'ours', kind: 'files' },
  ])
  for (const { firstNote, secondNote } of found) {
    expect(firstNote).toContain('BwcHBwcHBw')
    expect(secondNote).toMatch(/\n5\n/)
    expect(secondNote).not.toContain('BwcHBwcHBw')
  }
  const { rows } = await act((tx) =>
    sql<{ n: number }>`select count(*) as n from outbox where subject like 'fed.audit.fork_detected.%'`.execute(tx),
  )
  expect(Number(rows[0]?.n)).toBe(2)
  const logs = await act((tx) => listLogs(tx, systemClock.now(), { log: '', after: '', limit: 9 }))
  expect(logs.map(({ alarm }) => alarm)).toEqual(['files', 'files'])
})

test('of replicas that share a folder one writes, and when it has gone another goes on', async () => {
  const first = startReplica({ sealIntervalMs: 50 })
  await grow(first.db, 300)
  await until(() => sealedIn(dir) === 300)
  const second = startReplica({ sealIntervalMs: 50 })
  await grow(second.db, 300)
  await until(() => sealedIn(dir) === 600)
  expect(await valueOf(second, 'fed_audit_files_sealed_total')).toBe(0)
  replicas.splice(replicas.indexOf(first), 1)
  await first.stop()
  await grow(second.db, 300)
  await until(() => sealedIn(dir) === 900)
  expect(await verified()).toMatchObject({ intact: true, damages: [] })
})

test('each replica that has a folder of its own writes it all', async () => {
  const [a, b] = [join(dir, 'a'), join(dir, 'b')]
  startReplica({ into: a, sealIntervalMs: 50 })
  startReplica({ into: b, sealIntervalMs: 50 })
  await grow(database.db, 300)
  await until(() => sealedIn(a) === 300 && sealedIn(b) === 300)
  await stopAll()
  for (const root of [a, b]) expect(await verified(root)).toMatchObject({ intact: true, damages: [] })
})

test('a folder that cannot be written stops nothing, is told, and catches up once it can', async () => {
  const disk = join(dir, 'disk')
  writeFileSync(disk, 'a file where the folder should be')
  const replica = startReplica({ into: disk, sealIntervalMs: 50 })
  await grow(replica.db, 300)
  await until(async () => (await valueOf(replica, 'fed_audit_files_failing')) === 1)
  expect(replica.obstacle()).toBe(undefined)
  rmSync(disk)
  mkdirSync(disk)
  await until(() => sealedIn(disk) === 300)
  expect(await valueOf(replica, 'fed_audit_files_failing')).toBe(0)
  await stopAll()
})

test('where files are required, nothing may be appended until they can be written, also later on', async () => {
  const disk = join(dir, 'disk')
  writeFileSync(disk, 'a file where the folder should be')
  const replica = startReplica({ into: disk, sealIntervalMs: 50, required: true })
  expect(replica.obstacle()).toMatch(/LEDGER_FILES=required/)
  rmSync(disk)
  await until(() => replica.obstacle() === undefined)
  await grow(replica.db, 10)
  await until(() => sealedIn(disk) === 10)
  rmSync(disk, { recursive: true })
  writeFileSync(disk, 'gone again')
  await grow(replica.db, 10)
  await until(() => replica.obstacle() !== undefined)
  rmSync(disk)
  await until(() => replica.obstacle() === undefined)
  await stopAll()
})
