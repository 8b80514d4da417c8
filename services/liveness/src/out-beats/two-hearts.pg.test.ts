import { randomUUID } from 'node:crypto'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction } from '@powernode/postgres'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hearing } from '../freshness.ts'
import { beginEpoch } from '../operations/begin-epoch.ts'
import { beatPeer } from '../rpc/beat-peer.ts'
import { FRESHNESS } from '../store/columns.ts'
import * as freshness from '../store/freshness.ts'
import { openRoad, startHeart, until, type Heart, type Road } from './testing.ts'

let clock: FakeClock
let a: Heart
let b: Heart
let toA: Road
let toB: Road
const ids = { aOfB: randomUUID(), bOfA: randomUUID() } // their ids of each other
const rubbish: { drop: () => Promise<void> }[] = []

/** An interval, its jitter, and what the steps of the fake clock blur. */
const ONE_BEAT = 75_000

beforeEach(async () => {
  clock = new FakeClock()
  toA = openRoad(() => a)
  toB = openRoad(() => b)
  a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB })
  b = await startHeart({ name: 'b', peerId: ids.bOfA, clock, road: toA })
})
afterEach(async () => {
  await Promise.all([a.stop(), b.stop()])
  for (const database of [a.database, b.database, ...rubbish.splice(0)]) await database.drop()
})

const world = {
  get clock() {
    return clock
  },
  get roads() {
    return [toA, toB]
  },
  get hearts() {
    return [a, b]
  },
}
const states = async () => `${await a.heedNews()} ${await b.heedNews()}`
const reach = (wanted: string, withinMs: number) => until(world, async () => (await states()) === wanted, withinMs)
const known = async (heart: Heart, peerId: string) =>
  (await inTransaction(heart.database.db, (tx) => freshness.find(tx, [peerId]))).get(peerId)!
type Backup = { readonly own: { epoch: string; incarnation: Buffer }; readonly rows: readonly object[] }
async function backUp({ database: { db } }: Heart): Promise<Backup> {
  const platform = await sql<Backup['own']>`select epoch::text, incarnation from platform`.execute(db)
  const { rows } = await sql<object>`select ${FRESHNESS} from freshness`.execute(db)
  return { own: platform.rows[0]!, rows }
}
/** Stops A, puts back what it knew of itself and of its peers, lets it start so often that nobody hears of, and starts it. */
async function restore({ database }: Heart, { own, rows }: Backup, { starts }: { starts: number }): Promise<void> {
  await a.stop()
  await inTransaction(database.db, async (tx) => {
    await sql`update platform set epoch = ${own.epoch}::bigint, incarnation = ${own.incarnation}`.execute(tx)
    await sql`delete from freshness`.execute(tx)
    for (const row of rows)
      await tx
        .insertInto('freshness')
        .values(row as never)
        .execute() // as they were read
    for (let start = 0; start < starts; start++) await beginEpoch(tx, clock.now())
  })
  a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB, database })
  a.registry.move('ACTIVE')
}
async function bothActive() {
  a.registry.move('ENROLLED')
  b.registry.move('ENROLLED')
  await reach('ACTIVE ACTIVE', 2_000)
}

test('two platforms that have enrolled are active on both sides at once, whoever was first', async () => {
  a.registry.move('ENROLLED')
  await until(world, async () => (await known(a, ids.aOfB))?.consecutiveFailures >= 2, 2_000)
  expect((await known(a, ids.aOfB)).lastError).toContain('PEER_NOT_ENROLLED')
  b.registry.move('ENROLLED')
  await reach('ACTIVE ACTIVE', 1_000)
  expect(await a.news()).toEqual(['described', 'heard'])
  expect(await b.news()).toEqual(['described', 'heard'])
})

test('peers that beat each other stay active, with one event each and no more', async () => {
  await bothActive()
  const before = a.heard.length
  await until(world, () => a.heard.length >= before + 20, 30 * 60_000)
  expect(await states()).toBe('ACTIVE ACTIVE')
  expect(await a.news()).toEqual(['described', 'heard'])
})

test('each beat and each answer says where the log about the other ends, both ways', async () => {
  await bothActive()
  a.heads.length = 0
  b.heads.length = 0
  await until(world, () => a.heads.length >= 4 && b.heads.length >= 4, 10 * 60_000)
  expect([new Set(a.heads), new Set(b.heads)]).toEqual([new Set(['the log of b']), new Set(['the log of a'])])
})

test('a partition degrades both sides, and both recover within a beat of its end', async () => {
  await bothActive()
  toA.cut = toB.cut = true
  await reach('DEGRADED DEGRADED', 400_000)
  expect(hearing(await known(a, ids.aOfB), clock.now())).toBe('neither')
  toA.cut = toB.cut = false
  await reach('ACTIVE ACTIVE', ONE_BEAT)
})

test('when beats go one way only, both sides can tell which way', async () => {
  await bothActive()
  toB.cut = true
  await reach('DEGRADED DEGRADED', 400_000)
  expect(hearing(await known(a, ids.aOfB), clock.now())).toBe('we_hear_them')
  expect(hearing(await known(b, ids.bOfA), clock.now())).toBe('they_hear_us')
  toB.cut = false
  await reach('ACTIVE ACTIVE', ONE_BEAT)
})

test('answers that get lost do not matter: the echo in their next beat proves that they heard us', async () => {
  toB.losesAnswers = true
  a.registry.move('ENROLLED')
  b.registry.move('ENROLLED')
  await reach('ACTIVE ACTIVE', ONE_BEAT)
  expect((await known(a, ids.aOfB)).lastError).toContain('the answer is lost')
})

test('a restart begins a new epoch, and nobody takes it for a restored backup', async () => {
  await bothActive()
  const before = b.heard.at(-1)!
  await a.stop()
  const { database } = a
  a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB, database })
  a.registry.move('ACTIVE')
  await until(world, () => b.heard.at(-1)!.epoch > before.epoch, 120_000)
  const first = b.heard.find(({ epoch }) => epoch > before.epoch)!
  expect(first).toMatchObject({ epoch: before.epoch + 1n, sequence: 1n, platform: { name: 'a' } })
  expect(first.incarnation).not.toEqual(before.incarnation)
  expect(await b.news()).toEqual(['described', 'heard'])
})

test('a platform restored from a backup is noticed by its peer, told so, and moves on', async () => {
  await bothActive()
  for (let restart = 0; restart < 3; restart++) {
    await a.stop()
    a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB, database: a.database })
    a.registry.move('ACTIVE')
    const epoch = BigInt(restart + 2)
    await until(world, () => b.heard.at(-1)!.epoch === epoch, 120_000)
  }
  await a.stop()
  rubbish.push(a.database)
  a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB }) // a backup from before the first beat
  a.registry.move('ACTIVE')
  await until(world, async () => (await a.news()).includes('epoch_raised'), 120_000)
  await until(world, () => b.heard.at(-1)!.epoch === 5n, 120_000)
  expect(await b.news()).toEqual(['described', 'heard', 'restored'])
  expect((await known(b, ids.bOfA)).restoredAt).not.toBeNull()
})

test('a restored platform that starts more often than it had lived is noticed all the same, and told so', async () => {
  await bothActive()
  const [heard, backup] = [b.heard.length, await backUp(a)]
  await until(world, () => b.heard.length >= heard + 3, 10 * ONE_BEAT)
  await restore(a, backup, { starts: 50 })
  await until(world, async () => (await a.news()).includes('epoch_raised'), 120_000)
  expect(await b.news()).toEqual(['described', 'heard', 'restored'])
  expect(b.heard.at(-1)!.epoch).toBeGreaterThan(50n)
  await until(world, () => b.heard.length >= heard + 6, 10 * ONE_BEAT)
  expect(await b.news(), 'it is said once').toEqual(['described', 'heard', 'restored'])
})

test('who was restored itself and has forgotten what it gave accuses nobody, and is found by the other', async () => {
  await bothActive()
  const [heard, backup] = [a.heard.length, await backUp(a)]
  await until(world, () => a.heard.length >= heard + 3, 10 * ONE_BEAT)
  await restore(a, backup, { starts: 50 })
  await until(world, async () => (await b.news()).includes('restored'), 120_000)
  const before = a.heard.length
  await until(world, () => a.heard.length >= before + 2, 10 * ONE_BEAT)
  expect(await a.news()).not.toContain('restored')
  expect(await b.news()).not.toContain('epoch_raised')
})

test('answers that are lost, one leader after another: nobody has forgotten anything', async () => {
  await bothActive()
  toB.losesAnswers = true
  for (let restart = 0; restart < 3; restart++) {
    await a.stop()
    a = await startHeart({ name: 'a', peerId: ids.aOfB, clock, road: toB, database: a.database })
    a.registry.move('ACTIVE')
    const heard = b.heard.length
    await until(world, () => b.heard.length >= heard + 2, 10 * ONE_BEAT)
  }
  toB.losesAnswers = false
  const heard = b.heard.length
  await until(world, () => b.heard.length >= heard + 2, 10 * ONE_BEAT)
  expect([...(await a.news()), ...(await b.news())]).not.toContain('restored')
  expect(await a.news()).not.toContain('epoch_raised')
})

test('what changes in a description, and a new trust bundle, reach the peer with the next beat', async () => {
  await bothActive()
  a.registry.rename('a, renamed')
  a.registry.rotate(2n)
  await until(world, async () => (await b.news()).length === 4, 120_000)
  // The bundle's number also comes with A's answers to B, so which of the two is first is chance.
  expect((await b.news()).slice(2)).toEqual(expect.arrayContaining(['described', 'bundle_outdated']))
  expect(b.heard.at(-1)!.platform?.name).toBe('a, renamed')
})

test('a suspended peer is not beaten, falls silent without noise, and is beaten at once when resumed', async () => {
  await bothActive()
  a.registry.move('SUSPENDED')
  toA.cut = true // our gateway refuses a suspended peer
  await until(world, async () => (await known(a, ids.aOfB)).announced === 'unknown', 10_000)
  const before = b.heard.length
  await until(world, async () => (await b.heedNews()) === 'DEGRADED', 400_000)
  expect(b.heard).toHaveLength(before)
  expect(await a.news()).toEqual(['described', 'heard'])
  toA.cut = false
  a.registry.move('DEGRADED')
  await reach('ACTIVE ACTIVE', ONE_BEAT)
})

test('an operator has a peer beaten out of turn, and sees what came of it', async () => {
  await bothActive()
  await clock.advance(1_000)
  const before = b.heard.length
  const { signal } = new AbortController()
  let answer: Awaited<ReturnType<typeof beatPeer>> | undefined
  void beatPeer(a.deps, ids.aOfB, signal).then((known) => (answer = known))
  await until(world, () => answer !== undefined, 5_000)
  expect(b.heard.length).toBeGreaterThan(before)
  expect(answer).toMatchObject({ consecutiveFailures: 0, announced: 'heard' })
  await expect(beatPeer(a.deps, randomUUID(), signal)).rejects.toMatchObject({ reason: 'PEER_NOT_FOUND' })
  a.registry.move('SUSPENDED')
  await expect.poll(() => a.deps.feed.peers.get(ids.aOfB)?.state).toBe('suspended')
  await expect(beatPeer(a.deps, ids.aOfB, signal)).rejects.toMatchObject({ reason: 'PEER_NOT_ENROLLED' })
})

test.each([
  ['back', -3_600_000],
  ['forward', 3_600_000],
])('a wall clock that is set %s by an hour neither stops our beats nor sends them all at once', async (_, ms) => {
  await bothActive()
  await until(world, () => a.heard.length >= 3 && b.heard.length >= 3, 10 * ONE_BEAT)
  const before = [a.heard.length, b.heard.length] as const
  clock.jump(ms)
  await until(world, () => a.heard.length > before[0] && b.heard.length > before[1], ONE_BEAT)
  await until(world, () => a.heard.length >= before[0] + 3, 4 * ONE_BEAT)
  expect(b.heard.length).toBeLessThanOrEqual(before[1] + 5)
  const due = (await known(a, ids.aOfB)).nextBeatAt!.getTime() - clock.now().getTime()
  expect(Math.abs(due)).toBeLessThanOrEqual(ONE_BEAT)
})
