import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { openNote, parseCheckpoint } from '@powernode/tlog'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replica, type Replica } from '../append/testing.ts'
import { keyFrom, ledgerKeys, newKey } from '../ledger-keys.ts'
import * as checkpoints from '../store/checkpoints.ts'
import * as holds from '../store/holds.ts'
import * as logs from '../store/logs.ts'
import type { Tables } from '../store/tables.ts'
import { call, NOW, PEER, testLedger, TRUST_DOMAIN } from '../testing.ts'
import { createSigner, type Signer } from './signer.ts'

const KEYS = ledgerKeys({ log: keyFrom(newKey().pkcs8), witness: keyFrom(newKey().pkcs8) }, TRUST_DOMAIN)

let ledger: TestDatabase<Tables>
let stop: AbortController
const running: Promise<void>[] = []
const opened: Replica[] = []
beforeEach(async () => {
  ledger = await testLedger()
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await Promise.all(running.splice(0))
  await Promise.all(opened.splice(0).map((one) => one.close()))
  await ledger.drop()
})

/** A process that signs; its clock stands still unless it is moved. */
function signing(): { readonly signer: Signer; readonly clock: FakeClock; readonly lines: string[] } {
  const clock = new FakeClock(NOW)
  const lines: string[] = []
  const logger = createLogger('test', { destination: { write: (line) => void lines.push(line) } })
  const signer = createSigner({ db: ledger.db, clock, logger, metrics: createMetrics('test'), keys: KEYS })
  return { signer, clock, lines }
}
function start(signer: Signer): void {
  running.push(signer.run(stop.signal))
}
function writing(signer?: Signer): Replica {
  const one = replica(ledger.url, signer ? { onGrown: signer.grown } : {})
  opened.push(one)
  return one
}
const signedSizes = async (): Promise<readonly number[]> => {
  const { rows } = await sql<{ size: number }>`select size from checkpoint order by size`.execute(ledger.db)
  return rows.map(({ size }) => size)
}

test('what is committed is signed at once, under the origin of its log', async () => {
  const { signer } = signing()
  start(signer)
  await writing(signer).appender.append([call(1), call(2), call(3, { log: 'platform' })])
  await until(async () => (await signedSizes()).length === 2)
  const { rows } = await sql<{ note: string; origin: string; size: number }>`
    select note, origin, size from checkpoint join log on log.id = log_id order by origin`.execute(ledger.db)
  expect(rows.map(({ origin, size }) => [origin, size])).toEqual([
    [`a.test/peers/${PEER}`, 2],
    ['a.test/platform', 1],
  ])
  for (const { note, origin, size } of rows) {
    const { body, verified } = openNote(note, [KEYS.verifierOf(origin)])
    expect(verified).toHaveLength(1)
    expect(parseCheckpoint(body)).toMatchObject({ origin, size })
  }
})

test('a log that is written to all the time is signed once a round, and its newest size always', async () => {
  const { signer, clock } = signing()
  start(signer)
  const one = writing(signer)
  await one.appender.append([call(0)])
  await until(async () => (await signedSizes()).length === 1)
  for (const n of [1, 2, 3]) await one.appender.append([call(n)])
  await clock.sleeping()
  await clock.advance(50)
  await until(async () => (await signedSizes()).length === 2)
  expect(await signedSizes()).toEqual([1, 4])
})

test('what another replica has committed before it died is signed by those that live', async () => {
  await writing().appender.append([call(0), call(1)])
  const [first, second] = [signing(), signing()]
  start(first.signer)
  await until(async () => (await signedSizes()).length === 1)
  await writing().appender.append([call(2)])
  start(second.signer) // two at once sign the same tree
  for (let round = 0; (await signedSizes()).length < 2; round++) {
    await first.clock.advance(2_000)
    await until(() => round >= 0)
  }
  expect(await signedSizes()).toEqual([2, 3])
})

test('nothing is signed that is not committed', async () => {
  const { signer, clock } = signing()
  start(signer)
  const one = writing(signer)
  await one.appender.append([call(0)])
  const owner = openDb<Tables>({ url: ledger.ownerUrl, schema: 'audit_ledger', applicationName: 'test' })
  await sql`alter table entry add constraint nothing_more check (sequence < 1)`.execute(owner)
  await expect(one.appender.append([call(1)])).rejects.toThrow(/nothing_more/)
  await owner.destroy()
  await until(async () => (await signedSizes()).length === 1)
  await clock.advance(5_000)
  expect(await signedSizes()).toEqual([1])
})

test('a tree that is not the one that was signed puts its log on hold, and nothing more is signed of it', async () => {
  const { signer } = signing()
  await writing(signer).appender.append([call(0), call(1)])
  await sql`
    insert into checkpoint (log_id, size, root, note, signed_at)
    values (1, 1, ${Buffer.alloc(32)}, 'signed before somebody altered the tree', ${NOW})`.execute(ledger.db)
  const other = signing() // it has not followed the tree
  start(other.signer)
  await until(() => other.lines.some((line) => line.includes('is not the one that was signed')))
  expect(await signedSizes()).toEqual([1])
  const reason = await inTransaction(ledger.db, async (tx) => {
    const log = await logs.find(tx, PEER)
    return holds.reasonOf(tx, log!.id)
  })
  expect(reason).toMatch(/not the one that was signed/)
  expect(await writing().appender.append([call(2)])).toEqual([{ refused: 'LOG_ON_HOLD' }])
  expect(await inTransaction(ledger.db, (tx) => checkpoints.newest(tx, 1))).toMatchObject({ size: 1 })
})

test('a log that somebody took entries out of goes on hold, and keeps no other from being signed or written', async () => {
  await writing().appender.append([call(0), call(1), call(2), call(3, { log: 'platform' })])
  const damage = async (log: string, at: number) => {
    const owner = openDb<Tables>({ url: ledger.ownerUrl, schema: 'audit_ledger', applicationName: 'mallory' })
    await sql`alter table entry disable trigger user`.execute(owner)
    await sql`delete from entry using log where log.id = log_id and name = ${log} and sequence = ${at}`.execute(owner)
    await sql`alter table entry enable trigger user`.execute(owner)
    await owner.destroy()
  }
  await damage(PEER, 1)
  const [refused, repeated, written] = await writing().appender.append([call(4), call(2), call(5, { log: 'platform' })])
  expect(refused).toEqual({ refused: 'LOG_ON_HOLD' })
  expect(repeated).toEqual({ sequence: 2, treeSize: 3 })
  expect(written).toEqual({ sequence: 1, treeSize: 2 })
  const { signer } = signing()
  start(signer)
  await until(async () => (await signedSizes()).length === 1)
  expect(await signedSizes()).toEqual([2])
  const reason = await inTransaction(ledger.db, (tx) => holds.reasonOf(tx, 1))
  expect(reason).toContain('the log is damaged')
  await damage('platform', 0)
  await writing().appender.append([call(6, { log: 'platform' })])
  const alarms = () =>
    sql<{ peer: string | null; kind: string }>`
    select peer_id as peer, kind from alarm order by at`.execute(ledger.db)
  await until(async () => (await alarms()).rows.length === 2)
  expect((await alarms()).rows, 'an operator has something to settle').toEqual([
    { peer: PEER, kind: 'rollback' },
    { peer: null, kind: 'rollback' },
  ])
})
