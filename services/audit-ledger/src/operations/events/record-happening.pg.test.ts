import { until } from '@powernode/events/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Happening } from '../../happening.ts'
import type { Filter } from '../../store/events.ts'
import type { LedgerTx, Tables } from '../../store/tables.ts'
import { happening, NOW, testLedger } from '../../testing.ts'
import { recentEvents } from './recent-events.ts'
import { recordHappening } from './record-happening.ts'

let ledger: TestDatabase<Tables>
beforeEach(async () => {
  ledger = await testLedger()
})
afterEach(() => ledger.drop())

const act = <T>(verb: (tx: LedgerTx) => Promise<T>) => inTransaction(ledger.db, verb)
const record = (...heard: Happening[]) => Promise.all(heard.map((one) => act((tx) => recordHappening(tx, NOW, one))))

const ANY: Filter = { kindPrefix: '', source: '', peerId: '', severity: undefined, since: undefined, until: undefined } // prettier-ignore
const feed = async () => (await act((tx) => recentEvents(tx, NOW, { filter: ANY, limit: 100 }))).events

type Line = { readonly log: string; readonly sequence: number; readonly id: string; readonly leaf: object; readonly body: object } // prettier-ignore

async function lines(): Promise<readonly Line[]> {
  const { rows } = await sql<Line>`
    select log.name as log, sequence, entry.id, convert_from(leaf, 'UTF8')::jsonb as leaf, body::jsonb as body
    from entry join log on log.id = log_id left join payload using (log_id, sequence)
    order by log.name, sequence`.execute(ledger.db)
  return rows
}

const PEER = happening(0).peerId

test('what happened stands in the ledger and in the feed', async () => {
  await record(happening(1))
  const [line, ...more] = await lines()
  expect(more).toEqual([])
  expect(line).toMatchObject({ log: PEER, sequence: 0, id: happening(1).id, body: { actor: 'operator/alice', n: 1 } })
  expect(line?.leaf).toMatchObject({ action: 'federation.peer.accepted', actor: 'operator', sequence: 0 })
  expect(await feed()).toEqual([{ ...happening(1), position: 1 }])
})

test('of many writers at once each gets its own place, without gaps', async () => {
  await record(...Array.from({ length: 60 }, (_, n) => happening(n, n % 3 === 0 ? { peerId: '' } : {})))
  const placesOf = async (log: string) =>
    (await lines()).filter((line) => line.log === log).map(({ sequence }) => sequence)
  expect(await placesOf(PEER)).toEqual(Array.from({ length: 40 }, (_, n) => n))
  expect(await placesOf('platform')).toEqual(Array.from({ length: 20 }, (_, n) => n))
})

test('whatever numbers and texts it holds, it can be written, and secrets are not', async () => {
  const payload = {
    numbers: [1e21, 1e-7, 5e-324, 1.7976931348623157e308, -0, 0.1, 123456789012345680000],
    texts: ['\0', '\ud83d\ude00', '\u2028', '"\\'],
    nested: { '': {}, list: [null, true, [[]]] },
    bearer: 'fg-x.y',
  }
  await record(happening(1, { payload, actor: 'operator/\0', kind: 'federation.\0', correlationId: '\0' }))
  expect((await lines())[0]?.body).toMatchObject({ texts: ['\u{fffd}', '😀', '\u2028', '"\\'], bearer: '[redacted]' })
  expect(await feed()).toHaveLength(1)
})

test('an event is never written twice, even without its receipt', async () => {
  await record(happening(1))
  await record(happening(1))
  expect(await lines()).toHaveLength(1)
  expect(await feed()).toHaveLength(1)
})

test('whoever announces something under the id of another first keeps nothing of the other out', async () => {
  const [forged, ours] = [
    happening(1, { source: 'grant-authz', payload: { nothing: 'happened' } }),
    happening(1, { source: 'audit-ledger', kind: 'federation.audit.fork_detected', severity: 'critical' }),
  ]
  await record(forged)
  await record(ours)
  await record(ours)
  expect((await lines()).map(({ leaf }) => leaf)).toMatchObject([{ action: forged.kind }, { action: ours.kind }])
  expect((await feed()).map(({ source, kind }) => [source, kind])).toEqual([
    ['audit-ledger', ours.kind],
    ['grant-authz', forged.kind],
  ])
})

test('news of a peer whose log is on hold stands in the log of the platform, and holds up nobody', async () => {
  await record(happening(1))
  await sql`
    insert into hold (log_id, held, reason, at) select id, true, 'lost', ${NOW} from log where name = ${PEER}`.execute(ledger.db) // prettier-ignore
  await record(happening(2))
  expect((await lines()).map(({ log, id }) => [log, id])).toEqual([
    [PEER, happening(1).id],
    ['platform', happening(2).id],
  ])
  expect((await feed()).map(({ peerId }) => peerId)).toEqual([PEER, PEER])
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
  expect((await feed()).map(({ id }) => id)).toEqual([happening(2).id, happening(1).id])
})
