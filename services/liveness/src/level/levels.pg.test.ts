import { randomUUID } from 'node:crypto'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { durationMs, DurationSchema } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PeerState } from '../announcement.ts'
import type { PeerFeed } from '../feed/peer-feed.ts'
import { DAY_MS, HOUR_MS, startOf } from '../figures/window.ts'
import { recordBeats } from '../operations/record-beats.ts'
import { rollUpFigures } from '../operations/keep-figures.ts'
import { silencePeers } from '../operations/silence-peers.ts'
import { aBeat, anAnswer, aPeer, livenessDatabase } from '../operations/testing.ts'
import { levelHandlers } from '../rpc/levels.ts'
import * as listening from '../store/listening.ts'
import type { Tables } from '../store/tables.ts'
import { keepTally } from './keep-tally.ts'
import { levelMetrics } from './level-metrics.ts'
import { Tally } from './tally.ts'
import { Watching } from './watch-peerings.ts'

const STALE_MS = 300_000
const TICK_MS = 10_000
const logger = createLogger('test', { level: 'silent' })

let database: TestDatabase<Tables>
let clock: FakeClock
let tally: Tally
beforeEach(async () => {
  database = await livenessDatabase()
  clock = new FakeClock(new Date('2026-05-01T12:00:00Z'))
  tally = new Tally()
})
afterEach(async () => {
  await database.drop()
})

const act = <T>(verb: Parameters<typeof inTransaction<Tables, T>>[1]) => inTransaction(database.db, verb)
const now = () => clock.now()

/** We listen, and did since `since`. */
const listen = (since: Date) => act((tx) => listening.save(tx, { since, reason: 'started', tickedAt: now() }, TICK_MS))

let sequence = 0n
/** A beat of theirs is heard, and one of ours answered after a round trip. */
async function beats(peerId: string, { roundTripMs = 20, answered = true, heard = true } = {}) {
  const peer = { ...aPeer(), peerId, staleAfterMs: STALE_MS }
  sequence += 1n
  const sentAt = new Date(now().getTime() - roundTripMs)
  const answer = { ...anAnswer(), sentAt, answeredAt: now(), theirReceivedAt: sentAt, theirSentAt: sentAt }
  const nonce = Buffer.from(randomUUID().replaceAll('-', ''), 'hex')
  const failed = { nonce, sentAt, failedAt: now(), error: 'PEER_UNREACHABLE: x', nextBeatAt: now() }
  const said = [
    ...(heard ? [{ kind: 'heard' as const, peer, beat: { ...aBeat(), receivedAt: now(), sequence, nonce }, description: undefined }] : []), // prettier-ignore
    answered ? { kind: 'answered' as const, peer, beat: { ...answer, nonce } } : { kind: 'failed' as const, peer, beat: failed }, // prettier-ignore
  ]
  tally.note(said, await act((tx) => recordBeats(tx, now(), said)))
}

/** A replica that watches these peerings: time passes as its looks are due. */
function watching(peerIds: readonly string[], { since, state = 'active' }: { since: Date; state?: PeerState }) {
  const peers = new Map(peerIds.map((peerId) => [peerId, { ...aPeer(), peerId, state }]))
  const feed = { peers } as unknown as PeerFeed // it looks at nothing else
  const deps = { db: database.db, clock, feed, tally, logger, levels: levelMetrics(createMetrics('test')) }
  const watch = new Watching(deps)
  return {
    look: () => watch.look(),
    async minutes(
      count: number,
      { each = async () => {}, listens = true }: { each?: (minute: number) => Promise<void>; listens?: boolean } = {},
    ) {
      // prettier-ignore
      for (let minute = 1; minute <= count; minute++) {
        for (const last of [false, true]) {
          await clock.advance(30_000)
          if (listens) await listen(since)
          if (last) await each(minute)
          await watch.look()
        }
      }
    },
  }
}

/** What was counted is written down. */
async function keep(one = tally): Promise<void> {
  const stop = new AbortController()
  stop.abort()
  await keepTally({ db: database.db, clock, tally: one, logger }, stop.signal)
}

const msOf = (said: MessageInitShape<typeof DurationSchema> | undefined) => durationMs(create(DurationSchema, said))

async function told(peerId: string, window: '24h' | '7d' | '30d' = '24h') {
  const handlers = levelHandlers({ db: database.db, clock, tally })
  const request = { peerIds: [peerId], windows: [window], pageSize: 0, pageToken: '' }
  const { levels = [] } = await handlers.listServiceLevels(request as never, {} as never)
  return levels[0]
}

test('an hour of beats is an hour of both ways, with the round trips and the beats that were lost', async () => {
  const peerId = randomUUID()
  const since = now()
  await listen(since)
  await beats(peerId)
  const { look, minutes } = watching([peerId], { since })
  await look()
  const each = (minute: number) => beats(peerId, { roundTripMs: minute === 59 ? 900 : 20, answered: minute % 10 !== 0 })
  await minutes(59, { each })
  await keep()
  const level = await told(peerId)
  expect(level).toMatchObject({ availability: 1, heard: 1, heardByThem: 1, beatsSent: 60n, beatsAnswered: 55n, beatsHeard: 60n, silences: 0 }) // prettier-ignore
  expect(level?.coverage).toBeCloseTo(59 / (24 * 60 + 59), 5)
  expect(level?.loss).toBeCloseTo(5 / 60)
  expect(msOf(level?.roundTripP50)).toBeLessThan(25)
  expect(msOf(level?.roundTripP99)).toBeGreaterThan(900)
})

test('a silence takes its part of the time, is counted once, and is as long as it was', async () => {
  const peerId = randomUUID()
  const since = new Date(now().getTime() - DAY_MS)
  await listen(since)
  await beats(peerId)
  const { look, minutes } = watching([peerId], { since })
  await look()
  const each = () => beats(peerId)
  await minutes(10, { each })
  await minutes(20)
  await minutes(10, { each })
  await keep()
  const level = await told(peerId)
  expect(level?.silences).toBe(1)
  // Of 40 minutes 16 were stale: the 21 without a beat but for the five of the limit.
  expect(level?.availability).toBeCloseTo(24 / 40, 3)
  expect(msOf(level?.longestSilence)).toBeCloseTo(21 * 60_000, -2)
})

test.each([
  { told: 'nobody was told of yet', isTold: false, silences: 1 },
  { told: 'was told of before', isTold: true, silences: 0 },
])(
  'a silence that began before anybody looked, and $told, is counted $silences times',
  async ({ isTold, silences }) => {
    const peerId = randomUUID()
    const since = now()
    await listen(since)
    await beats(peerId)
    await clock.advance(STALE_MS + 10_000)
    await listen(since)
    if (isTold) expect(await act((tx) => silencePeers(tx, now(), { limit: 10 }))).toBe(1)
    const { look, minutes } = watching([peerId], { since })
    await look()
    await minutes(3)
    await keep()
    expect(await told(peerId)).toMatchObject({ availability: 0, silences })
  },
)

test('while nobody listens nothing is counted: not as fresh, and not as silent', async () => {
  const peerId = randomUUID()
  const since = now()
  await listen(since)
  await beats(peerId)
  const { minutes } = watching([peerId], { since })
  await clock.advance(HOUR_MS)
  await minutes(20, { listens: false })
  await keep()
  expect(await told(peerId)).toMatchObject({ coverage: 0, silences: 0 })
  expect((await told(peerId))?.availability).toBeUndefined()
})

test('a stall, and a clock that was set, are time of which nobody can say anything', async () => {
  const peerId = randomUUID()
  const since = new Date(now().getTime() - DAY_MS)
  await listen(since)
  await beats(peerId)
  const { look, minutes } = watching([peerId], { since })
  await look()
  await minutes(2, { each: () => beats(peerId) })
  await clock.advance(400_000)
  await listen(since)
  await look()
  clock.jump(HOUR_MS)
  await clock.advance(30_000)
  await listen(since)
  await look()
  await keep()
  const { rows } = await act((tx) => sql<{ watched: number; both: number }>`select sum(watched_ms)::int as watched, sum(both_ms)::int as both from service_level`.execute(tx)) // prettier-ignore
  expect(rows).toEqual([{ watched: 120_000, both: 120_000 }])
})

test('a suspended peer is not watched', async () => {
  const peerId = randomUUID()
  const since = new Date(now().getTime() - DAY_MS)
  await listen(since)
  await beats(peerId)
  const { minutes } = watching([peerId], { since, state: 'suspended' })
  await minutes(10)
  await keep()
  expect(await told(peerId)).toMatchObject({ coverage: 0, beatsHeard: 1n })
})

test('whoever comes to be watched is looked at at once, and not when the next look would be', async () => {
  const [known, newcomer] = [randomUUID(), randomUUID()]
  const since = now()
  await listen(since)
  await beats(known)
  await beats(newcomer)
  const peers = new Map([[known, { ...aPeer(), peerId: known, state: 'active' as PeerState }]])
  let tell: Parameters<PeerFeed['subscribe']>[0] = () => {}
  const feed = { peers, subscribe: (hear: typeof tell) => void (tell = hear) } as unknown as PeerFeed // all it asks of one
  const looks: string[] = []
  class Noting extends Watching {
    override async look() {
      await super.look()
      looks.push([...peers.keys()].map((id) => (id === known ? 'known' : 'newcomer')).join())
    }
  }
  const deps = { db: database.db, clock, feed, tally, logger, levels: levelMetrics(createMetrics('test')) }
  const stop = new AbortController()
  const running = new Noting(deps).run(stop.signal)
  try {
    await expect.poll(() => looks).toEqual(['known'])
    tell({ peerId: known }) // nothing new: nobody is looked at before his time
    peers.set(newcomer, { ...aPeer(), peerId: newcomer, state: 'active' })
    tell({ peerId: newcomer })
    await expect.poll(() => looks).toEqual(['known', 'known,newcomer'])
  } finally {
    stop.abort()
    await running
  }
})

test('hours become days and days are forgotten, and no window tells anything else for it', async () => {
  const peerId = randomUUID()
  await beats(peerId)
  tally.take()
  const fill = sql`
    insert into service_level (peer_id, span, since, watched_ms, both_ms, heard_ms, heard_by_them_ms, beats_sent, beats_answered)
    select ${peerId}, 'hour', h, 3600000, 1800000, 1800000, 3600000, 60, 59
    from generate_series(${new Date(startOf('hour', now()).getTime() - 45 * DAY_MS)}::timestamptz, ${now()}, '1 hour') as h`
  await act((tx) => fill.execute(tx))
  const figures = async () => [await told(peerId), await told(peerId, '7d'), await told(peerId, '30d')]
  const before = await figures()
  expect(before[0]).toMatchObject({ availability: 0.5, heardByThem: 1, beatsSent: 25n * 60n })
  for (; (await act((tx) => rollUpFigures(tx, now()))) > 0;);
  expect(await figures()).toEqual(before)
  const { rows } = await act((tx) => sql<{ span: string; count: number }>`select span, count(*)::int as count from service_level group by span order by span`.execute(tx)) // prettier-ignore
  expect(rows).toEqual([
    { span: 'day', count: 29 },
    { span: 'hour', count: 37 },
  ])
  expect(await act((tx) => rollUpFigures(tx, now()))).toBe(0)
})

test('what is not written down yet counts already', async () => {
  const peerId = randomUUID()
  await beats(peerId)
  expect(await told(peerId)).toMatchObject({ beatsSent: 1n, beatsHeard: 1n })
  await keep()
  expect(await told(peerId)).toMatchObject({ beatsSent: 1n, beatsHeard: 1n })
})

test('two replicas that count the same peer come to the sum of both', async () => {
  const peerId = randomUUID()
  const other = new Tally()
  await beats(peerId)
  const mine = tally
  tally = other
  await beats(peerId)
  await Promise.all([keep(mine), keep(other)])
  expect(await told(peerId)).toMatchObject({ beatsSent: 2n, beatsHeard: 2n })
})
