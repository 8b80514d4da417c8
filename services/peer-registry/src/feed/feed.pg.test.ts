import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, peerOn, propose, take, invite } from '../../test/handshake.ts'
import { BY, SCHEMA, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { frozenRoad } from '../../test/frozen-road.ts'
import { isTick, readFeed, tellsState } from '../../test/reader.ts'
import { publishBundle } from '../operations/publish-bundle.ts'
import { failRedemption } from '../operations/fail-redemption.ts'
import { recordHeard } from '../operations/record-liveness.ts'
import { resumePeer } from '../operations/resume-peer.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { suspendPeer } from '../operations/suspend-peer.ts'
import * as errands from '../store/errands.ts'
import { Feed } from './feed.ts'

let a: TestPlatform
let b: TestPlatform
let stop: AbortController
let running: Promise<void>
let feed: Feed
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  stop = new AbortController()
})
afterEach(async () => {
  stop.abort()
  await running
  await Promise.all([a.drop(), b.drop()])
})

const begin = (of: TestPlatform, url = of.url) => {
  const database = { url, schema: SCHEMA, applicationName: 'feed-under-test' }
  const logger = createLogger('feed', { level: 'silent' })
  const clock = { now: () => of.clock.now(), sleep: systemClock.sleep }
  feed = new Feed({ db: of.db, database, us: of.us, clock, logger })
  running = feed.run(stop.signal)
  return readFeed(feed.watchPeers(stop.signal))
}
const suspend = (peerId: string) => a.act((tx, now) => suspendPeer(tx, now, { by: BY, peerId, reason: '' }))
const resume = (peerId: string) => a.act((tx, now) => resumePeer(tx, now, { by: BY, peerId, reason: '' }))
const isSnapshot = ({ case: what }: { case: string | undefined }) => what === 'snapshotComplete'

test('a reader is told who we are, then every peer, then that this was all, then the time', async () => {
  const { onA } = await federate(a, b)
  await propose(a)
  const reader = begin(a)
  const snapshot = await reader.until(isSnapshot)
  expect(snapshot.map(({ case: what }) => what)).toEqual(['platform', 'peer', 'snapshotComplete'])
  expect(snapshot.some(tellsState(onA, 'ENROLLED'))).toBe(true)
  const ticked = await reader.until(isTick)
  expect(ticked.at(-1)).toMatchObject({ value: { leaseMs: 1000 } })
})

test('a change is told before the second tick after its commit, a hundred times out of a hundred', async () => {
  const { onA } = await federate(a, b)
  await a.act((tx, now) => recordHeard(tx, now, { peerId: onA }))
  const reader = begin(a)
  await reader.until(isTick)
  for (let round = 0; round < 50; round++) {
    for (const [change, state] of [[suspend, 'SUSPENDED'], [resume, 'DEGRADED']] as const) {
      await change(onA)
      const from = reader.told.length
      const known = reader.told.findLast(({ case: what }) => what === 'peer')
      if (known && tellsState(onA, state)(known)) continue
      const since = await reader.until(tellsState(onA, state), from)
      expect(since.filter(isTick).length).toBeLessThanOrEqual(1)
    }
  } // prettier-ignore
})

test('a lost listening connection loses no change: everything is read anew before the next tick', async () => {
  const { onA } = await federate(a, b)
  const reader = begin(a)
  await reader.until(isTick)
  for (const [change, state] of [[suspend, 'SUSPENDED'], [resume, 'ENROLLED'], [suspend, 'SUSPENDED']] as const) {
    const killed = await a.act((tx) =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'feed-under-test'`.execute(tx),
    )
    expect(killed.rows.length).toBe(1)
    const from = reader.told.length
    await change(onA)
    await reader.until(tellsState(onA, state), from)
    await reader.until(isTick, reader.told.length)
  } // prettier-ignore
})

test('no tick is given while the listening connection is silent, though the database itself answers', async () => {
  const { onA } = await federate(a, b)
  const road = await frozenRoad(a.url)
  const reader = begin(a, road.url)
  await reader.until(isTick)
  const asked = road.freeze()
  await suspend(onA)
  await asked
  const from = reader.told.length
  road.thaw()
  const since = await reader.until(tellsState(onA, 'SUSPENDED'), from)
  expect(since.filter(isTick)).toEqual([])
  stop.abort()
  await running
  await road.close()
})

test('a revoked peer is remembered as revoked, so that it is told so and not met as a stranger', async () => {
  const { onA } = await federate(a, b)
  const reader = begin(a)
  await reader.until(isSnapshot)
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
  await reader.until(tellsState(onA, 'REVOKED'))
  const late = readFeed(feed.watchPeers(stop.signal))
  expect((await late.until(isSnapshot)).some(tellsState(onA, 'REVOKED'))).toBe(true)
})

test('a peer we are about to redeem is routed by its pin, and forgotten when it comes to nothing', async () => {
  const { text } = await invite(a, (await propose(a)).id)
  const { id } = await take(b, text)
  const reader = begin(b)
  const [, route] = await reader.until(tellsState(id, 'PROPOSED'))
  expect(route).toMatchObject({ value: { spiffeId: 'spiffe://a.example/service/federation-gateway', trustRoots: [] } })
  expect(route?.case === 'peer' && route.value.caPin.length).toBe(32)
  const errand = await b.act((tx) => errands.find(tx, id, 'redeem'))
  await b.act((tx, now) => failRedemption(tx, now, errand!, 'no'))
  await b.act((tx, now) => revokePeer(tx, now, { us: b.us, by: BY, peerId: id, reason: '' }))
  await reader.until((update) => update.case === 'removedPeerId' && update.value === id)
})

test('a child we sign for is known by the name we gave it, under our roots alone', async () => {
  const { onA, onB } = await federate(a, b, { trustMode: 'hierarchical' })
  const [ours] = await begin(a).until(tellsState(onA, 'ENROLLED'), 1)
  expect(ours).toMatchObject({ value: { trustDomain: 'a.example', spiffeId: `spiffe://a.example/peer/${onA}` } })
  expect(ours?.case === 'peer' && ours.value.privateKeyPkcs8.length).toBe(0)
  stop.abort()
  await running
  stop = new AbortController()
  const [theirs] = await begin(b).until(tellsState(onB, 'ENROLLED'), 1)
  expect(theirs).toMatchObject({ value: { spiffeId: 'spiffe://a.example/service/federation-gateway' } })
  expect(theirs?.case === 'peer' && [theirs.value.certificateChain.length, theirs.value.privateKeyPkcs8.length > 0]).toEqual([3, true]) // prettier-ignore
})

test('when our own side changes only the peers that it concerns are told anew: those we sign for', async () => {
  const c = await startPlatform('c.example', { clock: a.clock })
  const { onA: equal } = await federate(a, b)
  const { onA: child } = await federate(a, c, { trustMode: 'hierarchical' })
  const reader = begin(a)
  await reader.until(isTick)
  const from = reader.told.length
  await a.act((tx, now) => publishBundle(tx, now, a.us))
  await reader.until(({ case: what }) => what === 'platform', from)
  const since = await reader.until(isTick, reader.told.length)
  expect(reader.told.slice(from).flatMap((update) => (update.case === 'peer' ? [update.value.peerId] : []))).toEqual([
    child,
  ])
  expect(since.length).toBeGreaterThan(0)
  await suspend(equal)
  await reader.until(tellsState(equal, 'SUSPENDED'), from)
  await c.drop()
})

test('a row whose secret does not open refuses that peer alone', async () => {
  const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
  await b.act((tx) => sql`update peer set certificate_key_sealed = 'spoilt' where id = ${onB}`.execute(tx))
  const reader = begin(b)
  expect((await reader.until(isSnapshot)).map(({ case: what }) => what)).toEqual(['platform', 'snapshotComplete'])
  await reader.until(isTick)
  expect((await peerOn(b, onB)).state).toBe('enrolled')
})

test('a reader that stops is let go', async () => {
  begin(a)
  const one = new AbortController()
  const reader = readFeed(feed.watchPeers(one.signal))
  await reader.until(isSnapshot)
  one.abort()
  await reader.done
})
