import { randomUUID } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { inTransaction, withClient } from '@powernode/postgres'
import { ProbePeerResponseSchema } from '@powernode/proto/powernode/gateway/v1/service_pb.ts'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { probePeer } from '../watch/probe-peer.ts'
import { STALE_MS, TICK_MS, World } from '../watch/testing/world.ts'
import { peersToObserve } from './peers-to-observe.ts'
import { announced, at, listens } from './testing.ts'

/** More than one tick looks at. */
const CROWD = 520
const MIN = 60_000
let world: World
let peerId: string
const ids = (count: number) => Array.from({ length: count }, () => randomUUID())
beforeEach(async () => {
  world = await World.open()
  peerId = randomUUID()
  await world.tick()
})
afterEach(() => world.database.drop())

async function pass(ms: number, heard: readonly string[]): Promise<void> {
  for (let passed = 0; passed < ms; passed += MIN) {
    await world.heard(heard)
    await world.pass(MIN)
  }
}
const ofPeer = async () => (await world.open(peerId)).map(({ reason }) => reason)
const set = (column: string, value: unknown, whom: readonly string[]) =>
  sql`update freshness set ${sql.ref(column)} = ${value} where peer_id = any(${whom}::uuid[])`.execute(
    world.database.db,
  )

const asOwner = (text: string) => withClient(world.database.ownerUrl, (client) => client.query(text))

test('a peer whose refusal holds what no database can store is degraded like any other', async () => {
  const others = ids(19)
  await world.heard([peerId])
  await pass(STALE_MS, others)
  const ticked = (await world.pass(MIN)).find(({ probes }) => probes.length > 0)
  const detail = `PEER_REFUSED: the peer refused: \0 not today${' \u{1F600}'.repeat(200)}`
  const answer = create(ProbePeerResponseSchema, {
    endpoints: [{ url: 'https://b.example\0', reachable: false, detail }],
  })
  const roads = { probePeer: () => Promise.resolve(answer) }
  const { probed, probes } = await probePeer(
    { roads, clock: new FakeClock(at(0)) },
    peerId,
    AbortSignal.timeout(60_000),
  )
  expect(await world.settle(ticked!, probed, probes)).toMatchObject([{ action: 'degraded' }])
  expect((await world.diary(peerId))[0]?.probes[0]?.detail).toMatch(/^PEER_REFUSED: the peer refused: {3}not today/)
})

test('a peer that does not become degraded, because nobody hears the news, does not spend what others may need', async () => {
  await sql`update remediation_loop set budget_per_hour = 2`.execute(world.database.db)
  const others = ids(18)
  const stuck = randomUUID()
  await world.heard([stuck])
  await pass(STALE_MS, [peerId, ...others])
  for (let minute = 0; minute < 10; minute += 1) {
    await world.heard([peerId, ...others])
    for (const ticked of await world.pass(MIN)) await world.settle(ticked, 'unreachable')
  }
  const said = (await world.diary()).map((entry) => `${entry.action} ${entry.peerId}`)
  expect(said).toEqual(Array.from({ length: 4 }, () => `degraded ${stuck}`))
  world.move(stuck, 'degraded')
  await pass(STALE_MS, others)
  await world.decide('unreachable', 2 * MIN)
  expect((await world.diary(peerId))[0]).toMatchObject({ action: 'degraded' })
})

test('a crowd that is slow to answer probes keeps nobody else from being looked at', async () => {
  const [crowd, others] = [ids(CROWD), ids(3 * CROWD)]
  await world.heard(crowd)
  await pass(STALE_MS, [peerId, ...others])
  for (let more = 0; more < 4; more += 1) {
    await world.heard([peerId, ...others])
    for (const { probes } of await world.pass(TICK_MS)) for (const { signalId } of probes) world.busy.add(signalId)
  }
  expect(world.busy.size).toBe(CROWD)
  await pass(STALE_MS, others)
  const probes = (await world.pass(3 * TICK_MS)).flatMap((ticked) => ticked.probes)
  expect(new Set(probes.map((one) => one.peerId))).toEqual(new Set([peerId]))
})

test('clocks of peers that are suspended keep nobody from being named', async () => {
  const crowd = ids(CROWD)
  await world.heard(crowd, 0, 'suspended')
  await world.heard([peerId])
  const overview = { heard: CROWD, late: 0, ahead: 0, skewed: [...crowd, peerId], restored: [], silent: [] }
  const expected = { since: new Map(), overdue: [], endingWithin: () => ({ expiring: [], expired: [] }), changed: [] }
  const said = { overview, expected, peers: world.peers, busy: world.busy, certWarningMs: 1 }
  const looked = await inTransaction(world.database.db, (tx) => peersToObserve(tx, at(world.nowMs), said))
  expect(looked).toEqual([peerId])
})

test('a peer whose clock is off cannot hide by that that it was restored', async () => {
  await world.heard([peerId])
  await set('clock_offset_ms', 90_000, [peerId])
  await world.pass(TICK_MS)
  await set('restored_at', at(world.nowMs), [peerId])
  await world.pass(TICK_MS)
  expect((await ofPeer()).toSorted()).toEqual(['clock_skew', 'epoch_regression'])
})

test('what was approved of a silence holds, whichever of its names it has by then', async () => {
  world.policy = { verb: 'require_approval', halted: false }
  const others = ids(19)
  await world.heard([peerId])
  await pass(STALE_MS, others)
  await world.heard(others)
  expect(await world.decide('unreachable')).toMatchObject([{ action: 'awaiting_approval' }])
  await world.heardOneWay(peerId, 'last_heard_at')
  await pass(3 * MIN, others)
  expect(await ofPeer()).toEqual(['one_way'])
  await world.approve(peerId, 'heartbeat_stale', randomUUID())
  await world.heard(others)
  expect(await world.decide('unreachable')).toMatchObject([{ action: 'degraded' }])
})

test('a crowd that holds the breaker open for ever is told of again after an hour, and the silence of another stays named', async () => {
  const [crowd, others] = [ids(8), ids(11)]
  await world.heard(crowd)
  const told = async () => (await world.news()).filter((word) => word === 'breaker_opened').length
  await pass(STALE_MS, [peerId, ...others])
  expect(await told()).toBe(1)
  await pass(30 * MIN, others)
  expect(await world.open(peerId)).toMatchObject([{ reason: 'heartbeat_stale', severity: 'high' }])
  expect(await told()).toBe(1)
  await pass(30 * MIN, others)
  expect(await told()).toBe(2)
  for (const one of crowd) world.move(one, 'suspended')
  await world.heard(others)
  await world.pass(4 * TICK_MS, { changed: crowd })
  await world.heard(others)
  expect(await world.decide('unreachable', 2 * MIN)).toMatchObject([{ action: 'degraded', peerId }])
})

test.each(['suspended', 'revoked'] as const)('%s while it was probed: nothing is decided of it', async (state) => {
  const others = ids(19)
  await world.heard([peerId])
  await pass(STALE_MS, others)
  const ticked = (await world.pass(MIN)).find(({ probes }) => probes.length > 0)
  world.move(peerId, state)
  expect(await world.settle(ticked!, 'unreachable')).toEqual([undefined])
  expect(await world.diary(peerId)).toEqual([])
})

test('after a tick that failed the next one looks at whose signals may be over, and not at every open one', async () => {
  const [crowd, others] = [ids(3), ids(16)]
  await world.heard(crowd)
  await pass(STALE_MS, others)
  await world.pass(MIN)
  expect(await world.open()).toHaveLength(3)
  const [suspended] = crowd
  world.move(suspended!, 'suspended')
  const overview = { heard: 19, late: 0, ahead: 0, skewed: [], restored: [], silent: crowd }
  const expected = {
    since: new Map(),
    overdue: [],
    endingWithin: () => ({ expiring: [], expired: [] }),
    changed: 'all',
  } as const
  const probed = new Set((await world.open()).map(({ id }) => id))
  const said = { overview, expected, peers: world.peers, busy: probed, certWarningMs: 1 }
  const looked = await inTransaction(world.database.db, (tx) => peersToObserve(tx, at(world.nowMs), said))
  expect(looked).toEqual([suspended])
})

test('a certificate that has ended is named in the next tick, though it was named as ending before', async () => {
  await world.heard([peerId])
  const leaf = { certificate: 'leaf 1', notBefore: undefined, notAfter: at(2 * MIN) }
  world.peers.set(peerId, { ...world.peers.get(peerId)!, certificates: [leaf] })
  await world.pass(MIN)
  expect(await ofPeer()).toEqual(['cert_expiring'])
  await world.pass(MIN + TICK_MS)
  expect(await ofPeer()).toEqual(['cert_expired'])
})

test('a peer of which nothing can be written is left out by name, and everybody else is looked at', async () => {
  const [silent, others] = [ids(3), ids(16)]
  await world.heard([peerId, ...silent])
  await asOwner(`
    create function liveness.refuse() returns trigger language plpgsql as $$ begin raise exception 'nobody foresaw this'; end $$;
    create trigger refused before insert on liveness.signal for each row when (new.peer_id = '${peerId}') execute function liveness.refuse()`)
  await pass(STALE_MS, others)
  const ticks = await world.pass(MIN)
  for (const { leftOut } of ticks)
    expect(leftOut).toMatchObject([{ peerId, error: { message: 'nobody foresaw this' } }])
  expect((await world.open()).map((one) => one.peerId).toSorted()).toEqual(silent.toSorted())
  expect(new Set(ticks.flatMap(({ probes }) => probes).map((one) => one.peerId))).toEqual(new Set(silent))
})

test('what everybody fails of is no fault of anybody: the tick fails', async () => {
  const crowd = ids(20)
  await world.heard(crowd)
  await asOwner(`alter table liveness.signal add constraint none check (reason <> 'heartbeat_stale')`)
  await expect(pass(STALE_MS + MIN, [])).rejects.toThrow('none')
})

test('a peer that nobody hears is unreachable is said so ever less often, and people are asked once', async () => {
  world.policy = { verb: 'require_approval', halted: false }
  const others = ids(19)
  await world.heard([peerId])
  await pass(STALE_MS, others)
  await world.heard(others)
  expect(await world.decide('unreachable')).toMatchObject([{ action: 'awaiting_approval' }])
  const approvalId = randomUUID()
  await world.approve(peerId, 'heartbeat_stale', approvalId)
  for (let minute = 0; minute < 64; minute += 1) {
    await world.heard(others)
    for (const ticked of await world.pass(MIN)) await world.settle(ticked, 'unreachable')
  }
  const entries = (await world.diary(peerId)).filter(({ action }) => action !== 'awaiting_approval')
  expect(entries.every((entry) => entry.action === 'degraded' && entry.approvalId === approvalId)).toBe(true)
  expect(entries).toHaveLength(7) // after 0, 1, 3, 7, 15, 31 minutes, and an hour
  expect((await world.diary(peerId)).length - entries.length, 'asked once').toBe(1)
  world.move(peerId, 'degraded')
  for (let minute = 0; minute < 61; minute += 1) {
    await world.heard(others)
    for (const ticked of await world.pass(MIN)) await world.settle(ticked, 'unreachable')
  }
  expect((await world.open(peerId))[0]?.approvalId, 'what was approved is done').toBeNull()
})

test('a crowd that is always late holds the breaker, and is named; who falls silent long after is decided for himself', async () => {
  const [crowd, others] = [ids(6), ids(13)]
  const all = [peerId, ...others]
  /** Beats of the crowd come when over half of the time is over, and the silence is not. */
  const live = async (minutes: number, heard: readonly string[]) => {
    const ticks = []
    for (let minute = 0; minute < minutes; minute += 1) {
      await world.heard(crowd, world.nowMs - 3.4 * MIN)
      await world.heard(heard)
      ticks.push(...(await world.pass(MIN)))
    }
    return ticks
  }
  await live(61, all)
  const [ticked] = await live(1, all)
  expect(ticked?.status.breaker.since).not.toBeNull()
  expect(new Set(ticked?.status.latest)).toEqual(new Set(crowd))
  expect(await world.open()).toEqual([])
  const probes = (await live(7, others)).flatMap((one) => one.probes)
  expect(new Set(probes.map((one) => one.peerId))).toEqual(new Set([peerId]))
  expect((await world.status()).latest[0], 'the latest first').toBe(peerId)
  expect(await world.settle({ probes: probes.slice(0, 1) }, 'unreachable')).toMatchObject([{ action: 'degraded' }])
})

test('who answers probes and is heard for a moment now and then is not given its time anew each time', async () => {
  const others = ids(19)
  await world.heard([peerId])
  await pass(STALE_MS, others)
  await world.heard(others)
  expect(await world.decide('reachable')).toMatchObject([{ action: 'rehandshaked' }])
  await world.heard([peerId, ...others])
  await pass(STALE_MS, others)
  await world.heard(others)
  expect(await world.decide('reachable')).toMatchObject([{ action: 'degraded' }])
})

test('seven of ten thousand peers in ten are silent at once: it is us, said once and gravely, and nobody is degraded', async () => {
  const [silent, others] = [ids(7_000), ids(3_000)]
  await listens(world.database.db, at(0), TICK_MS)
  world.restart()
  await world.heard(others)
  await world.heard(silent, -6 * MIN)
  while ((await world.sweep()) > 0);
  for (let ticks = 0; ticks < 3; ticks += 1) expect((await world.pass(TICK_MS))[0]).toMatchObject({ probes: [], anew: undefined }) // prettier-ignore
  const { breaker, late, watched, latest } = await world.status()
  expect({ late, watched, reason: breaker.reason }).toEqual({ late: 7_000, watched: 10_000, reason: '7000 of 10000 peers are late at once' }) // prettier-ignore
  expect(latest).toHaveLength(10)
  expect(latest.every((id) => silent.some((one) => one === id))).toBe(true)
  const news = (await announced(world.database.db)).filter(({ severity }) => severity === 'CRITICAL')
  expect(news).toMatchObject([{ kind: 'federation.remediation.breaker_opened', payload: { status: { late: 7_000, latestPeerIds: latest } } }]) // prettier-ignore
  expect(new Set((await world.diary()).map(({ action, whyHeld }) => `${action} ${whyHeld}`))).toEqual(new Set(['held breaker'])) // prettier-ignore
})
