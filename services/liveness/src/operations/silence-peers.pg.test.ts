import { randomUUID } from 'node:crypto'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as freshness from '../store/freshness.ts'
import type { Tables } from '../store/tables.ts'
import { sweepOnce } from '../sweeps.ts'
import { recordBeats, type PeerView } from './record-beats.ts'
import { silencePeers } from './silence-peers.ts'
import { START, aBeat, aPeer, anAnswer, announced, at, listens, livenessDatabase, newsOf } from './testing.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await livenessDatabase()
  await listens(database.db)
})
afterEach(() => database.drop())

const never = new AbortController().signal
const sweep = (ms: number) => sweepOnce({ db: database.db, clock: new FakeClock(at(ms)) }, never)
const heardBoth = async (peer: PeerView, sequence = 1n, ms = 0) =>
  inTransaction(database.db, (tx) =>
    recordBeats(tx, at(ms), [
      { kind: 'heard', peer, beat: aBeat({ sequence, receivedAt: at(ms) }), description: undefined },
      { kind: 'answered', peer, beat: anAnswer({ sentAt: at(ms), answeredAt: at(ms + 4) }) },
    ]),
  )

test('a peer falls silent at its deadline, not before, once, and is announced with the direction that is stale', async () => {
  const peer = aPeer({ state: 'active' })
  await heardBoth(peer)
  await inTransaction(database.db, (tx) =>
    recordBeats(tx, at(200_000), [
      { kind: 'heard', peer, beat: aBeat({ sequence: 2n, receivedAt: at(200_000) }), description: undefined },
    ]),
  )
  expect([await sweep(299_999), await sweep(300_000), await sweep(300_001)]).toEqual([0, 1, 0])
  expect(await announced(database.db)).toMatchObject([
    { word: 'heard', kind: 'federation.peer.heartbeat', severity: 'LOW' },
    {
      subject: `fed.liveness.silent.${peer.peerId}`,
      kind: 'federation.peer.heartbeat_stale',
      severity: 'MEDIUM',
      actor: 'service/liveness',
      payload: { freshness: { hearing: 'we_hear_them', announced: 'silent' } },
    },
  ])
})

test('a silent peer that beats again, both ways, is announced as heard again', async () => {
  const peer = aPeer({ state: 'active' })
  await heardBoth(peer)
  await sweep(300_000)
  await heardBoth({ ...peer, state: 'degraded' }, 2n, 400_000)
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard', 'silent', 'heard'])
  expect(await sweep(699_999)).toBe(0)
  expect(await sweep(700_000)).toBe(1)
})

test('a peer that beats in time never falls silent', async () => {
  const peer = aPeer({ state: 'active' })
  for (let beat = 0; beat < 20; beat++) {
    await heardBoth(peer, BigInt(beat + 1), beat * 60_000)
    expect(await sweep(beat * 60_000 + 59_999)).toBe(0)
  }
  expect(await newsOf(database.db, peer.peerId)).toEqual(['heard'])
})

test('more than a batch falls silent in one round, and two sweepers at once announce each peer once', async () => {
  await sql`
    insert into freshness (peer_id, stale_after_ms, announced, silent_at)
    select gen_random_uuid(), 1000, 'heard', ${START} from generate_series(1, 2500)`.execute(database.db)
  const [a, b] = await Promise.all([sweep(0), sweep(0)])
  await sweep(1)
  const { rows } = await sql<{ n: number }>`select count(distinct subject)::int as n from outbox`.execute(database.db)
  expect(a + b).toBeLessThanOrEqual(2_500)
  expect(rows[0]?.n).toBe(2_500)
  expect(await announced(database.db)).toHaveLength(2_500)
})

test('a peer that is being heard at this very moment is left to the next round', async () => {
  const peerId = randomUUID()
  await sql`
    insert into freshness (peer_id, stale_after_ms, announced, silent_at)
    values (${peerId}, 1000, 'heard', ${START})`.execute(database.db)
  await inTransaction(database.db, async (holding) => {
    await freshness.lock(holding, [peerId])
    expect(await inTransaction(database.db, (tx) => silencePeers(tx, START, { limit: 10 }))).toBe(0)
  })
  expect(await sweep(0)).toBe(1)
})

test('the database refuses a deadline without the promise it stands for, and the promise without a deadline', async () => {
  const peer = aPeer()
  await heardBoth(peer)
  const break_ = (what: string) => sql.raw(`update freshness set ${what}`).execute(database.db)
  await expect(break_(`announced = 'silent'`)).rejects.toThrow('check constraint')
  await expect(break_(`silent_at = null`)).rejects.toThrow('check constraint')
  await expect(break_(`announced = 'fine'`)).rejects.toThrow('check constraint')
})
