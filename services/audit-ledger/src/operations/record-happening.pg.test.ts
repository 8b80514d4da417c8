import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { until } from '@powernode/events/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Happening } from '../happening.ts'
import type { LedgerTx, Tables } from '../store/tables.ts'
import { happening, NOW, testLedger } from '../testing.ts'
import { listEntries } from './list-entries.ts'
import { listEvents } from './list-events.ts'
import { recordHappening } from './record-happening.ts'
import { verifyLog } from './verify-log.ts'

let ledger: TestDatabase<Tables>
beforeEach(async () => {
  ledger = await testLedger()
})
afterEach(() => ledger.drop())

const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(ledger.db, verb)
const record = (...heard: Happening[]) => Promise.all(heard.map((one) => act((tx) => recordHappening(tx, NOW, one))))
const entriesOf = async (log: string) =>
  (await act((tx) => listEntries(tx, NOW, { log, after: 0, limit: 1_000 }))).entries

const PEER = happening(0).peerId

test('of many writers at once each gets its own number, without gaps, and the chain holds', async () => {
  const heard = Array.from({ length: 60 }, (_, n) => happening(n, n % 3 === 0 ? { peerId: '' } : {}))
  await record(...heard)
  expect((await entriesOf(PEER)).map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
  expect((await entriesOf('platform')).map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: 20 }, (_, n) => n + 1),
  )
  for (const [log, size] of [
    [PEER, 40],
    ['platform', 20],
  ] as const) {
    const verdict = await act((tx) => verifyLog(tx, NOW, { log }))
    expect(verdict).toMatchObject({ head: { size }, broken: undefined })
  }
})

test('an entry is read back as what was hashed, whatever numbers and texts it holds', async () => {
  const payload = {
    numbers: [1e21, 1e-7, 5e-324, 1.7976931348623157e308, -0, 0.1, 123456789012345680000],
    texts: ['\0', '\ud83d\ude00', '\u2028', '"\\'],
    nested: { '': {}, list: [null, true, [[]]] },
  }
  await record(happening(1, { payload, at: new Date('2026-03-01T12:00:00.999Z'), actor: 'operator/\0' }))
  expect(await act((tx) => verifyLog(tx, NOW, { log: PEER }))).toMatchObject({ broken: undefined, head: { size: 1 } })
})

test('the feed shows what the ledger wrote', async () => {
  await record(happening(1))
  const filter = { kindPrefix: '', source: '', peerId: '', since: undefined }
  const [event] = await act((tx) => listEvents(tx, NOW, { filter, limit: 10 }))
  expect(event).toEqual({ ...happening(1), position: 1 })
})

test('an event becomes visible after all that stand before it in the feed, also those of other logs', async () => {
  const [written, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const first = act(async (tx) => {
    await recordHappening(tx, NOW, happening(1))
    written.resolve()
    await commit.promise
  })
  await written.promise
  const second = record(happening(2, { peerId: '' }))
  const isWaiting = async () => {
    const { rows } = await sql`
      select 1 from pg_locks join pg_database on pg_database.oid = pg_locks.database
      where datname = current_database() and locktype = 'advisory' and not granted`.execute(ledger.db)
    return rows.length > 0
  }
  await until(isWaiting)
  commit.resolve()
  await Promise.all([first, second])
  const filter = { kindPrefix: '', source: '', peerId: '', since: undefined }
  const events = await act((tx) => listEvents(tx, NOW, { filter, limit: 10 }))
  expect(events.map(({ id }) => id)).toEqual([happening(2).id, happening(1).id])
})

test('an event is never written twice, even without its receipt', async () => {
  await record(happening(1))
  await expect(record(happening(1))).rejects.toMatchObject({ code: '23505' })
  expect(await entriesOf(PEER)).toHaveLength(1)
})

test('a page of large entries is cut, and the next begins where it ended', async () => {
  const heard = Array.from({ length: 40 }, (_, n) => happening(n, { payload: { text: 'x'.repeat(60_000) } }))
  for (const one of heard) await record(one)
  const seen: number[] = []
  let pages = 0
  for (; seen.length < 40; pages++) {
    const { entries } = await act((tx) => listEntries(tx, NOW, { log: PEER, after: seen.at(-1) ?? 0, limit: 5_000 }))
    seen.push(...entries.map(({ sequence }) => sequence))
  }
  expect(seen).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
  expect(pages).toBeGreaterThan(1)
})
