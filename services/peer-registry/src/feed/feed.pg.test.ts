import { hash, X509Certificate } from 'node:crypto'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import { systemClock } from '@powernode/clock'
import { Feed } from '@powernode/feed'
import { isPosition, isTick, readFeed } from '@powernode/feed/testing'
import { openDb } from '@powernode/postgres'
import { frozenRoad, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import type { WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { federate, peerOn, propose, take, invite } from '../../test/handshake.ts'
import { BY, SCHEMA, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { tellsState } from '../../test/reader.ts'
import { DAY_MS } from '../invitation.ts'
import { forgetRevoked } from '../operations/forget-revoked.ts'
import { advertisePrefix } from '../operations/advertise-prefix.ts'
import { publishBundle } from '../operations/publish-bundle.ts'
import { failRedemption } from '../operations/fail-redemption.ts'
import { recordHeard } from '../operations/record-liveness.ts'
import { resumePeer } from '../operations/resume-peer.ts'
import { revokePeer } from '../operations/revoke-peer.ts'
import { suspendPeer } from '../operations/suspend-peer.ts'
import * as errands from '../store/errands.ts'
import { PEER } from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { peerSource, PEERS, type PeerUpdate } from './peer-source.ts'
import { withoutKeys } from './routes.ts'

let a: TestPlatform
let b: TestPlatform
let stop: AbortController
let running: Promise<void>
let feed: Feed<Tables, PeerUpdate>
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

type Update = WatchPeersResponse['update']

const begin = (of: TestPlatform, db = of.db) => {
  const listener = testListener({ url: of.url, schema: SCHEMA, applicationName: 'feed-under-test' })
  const logger = createLogger('feed', { level: 'silent' })
  const clock = { ...systemClock, now: () => of.clock.now() }
  const source = peerSource({ us: of.us, logger })
  feed = new Feed({ db, listener, schema: SCHEMA, clock, logger, metrics: createMetrics('test'), feed: PEERS, source })
  running = feed.run(stop.signal)
  return read()
}
const read = (from?: Reading['position']) =>
  readFeed<Update>((requests, signal) => feed.follow(requests, AbortSignal.any([signal, stop.signal])), from)
type Reading = ReturnType<typeof readFeed<Update>>
const suspend = (peerId: string) => a.act((tx, now) => suspendPeer(tx, now, { by: BY, peerId, reason: '' }))
const resume = (peerId: string) => a.act((tx, now) => resumePeer(tx, now, { by: BY, peerId, reason: '' }))

test('a reader is told who we are, then every peer, then that this was all, then the time', async () => {
  const { onA } = await federate(a, b)
  await propose(a)
  const reader = begin(a)
  const snapshot = await reader.until(isPosition)
  expect(snapshot.map(({ case: what }) => what)).toEqual(['begun', 'platform', 'peer', 'position'])
  expect(snapshot.some(tellsState(onA, 'ENROLLED'))).toBe(true)
  const ticked = await reader.until(isTick)
  expect(ticked.at(-1)).toMatchObject({ value: { leaseMs: 1000 } })
})

test('a change is told before the second tick after its commit, a hundred times out of a hundred', async () => {
  const { onA } = await federate(a, b)
  await a.act((tx, now) => recordHeard(tx, now, { peerId: onA, toldAt: now }))
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

test('a lost listening connection loses no change: the next ask finds it', async () => {
  const { onA } = await federate(a, b)
  const reader = begin(a)
  await reader.until(isTick)
  for (const [change, state] of [[suspend, 'SUSPENDED'], [resume, 'ENROLLED'], [suspend, 'SUSPENDED']] as const) {
    await a.act((tx) =>
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'feed-under-test' and usename = current_user`.execute(tx),
    )
    const from = reader.told.length
    await change(onA)
    await reader.until(tellsState(onA, state), from)
    await reader.until(isTick, reader.told.length)
  } // prettier-ignore
})

test('no tick is given while the database is silent, and what changed meanwhile is told before the next', async () => {
  const { onA } = await federate(a, b)
  const road = await frozenRoad(a.url)
  const far = openDb<Tables>({ url: road.url, schema: SCHEMA, applicationName: 'far' })
  const reader = begin(a, far)
  await reader.until(isTick)
  const asked = road.freeze()
  await asked
  const from = reader.told.length
  await suspend(onA)
  await a.act(async (tx) => void (await sql`select pg_sleep(0.3)`.execute(tx))) // a dozen asks
  expect(reader.told.slice(from).filter(isTick)).toEqual([])
  road.thaw()
  const since = await reader.until(tellsState(onA, 'SUSPENDED'), from)
  expect(since.filter(isTick).length).toBeLessThanOrEqual(1) // the one whose read was under way
  stop.abort()
  await running
  await far.destroy()
  await road.close()
})

test('a revoked peer is remembered as revoked, so that it is told so and not met as a stranger', async () => {
  const { onA } = await federate(a, b)
  const reader = begin(a)
  await reader.until(isPosition)
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
  await reader.until(tellsState(onA, 'REVOKED'))
  const late = read()
  expect((await late.until(isPosition)).some(tellsState(onA, 'REVOKED'))).toBe(true)
})

test('a peer we are about to redeem is routed by its pin, and forgotten when it comes to nothing', async () => {
  const { text } = await invite(a, (await propose(a)).id)
  const { id } = await take(b, text)
  const reader = begin(b)
  const route = (await reader.until(tellsState(id, 'PROPOSED'))).at(-1)
  expect(route).toMatchObject({ value: { spiffeId: 'spiffe://a.example/service/federation-gateway', trustRoots: [] } })
  expect(route?.case === 'peer' && route.value.caPin.length).toBe(32)
  const errand = await b.act((tx) => errands.find(tx, id, 'redeem'))
  await b.act((tx, now) => failRedemption(tx, now, errand!, { why: 'no' }))
  await b.act((tx, now) => revokePeer(tx, now, { us: b.us, by: BY, peerId: id, reason: '' }))
  await reader.until((update) => update.case === 'removedPeerId' && update.value === id)
})

test('a child we sign for is known by the name we gave it, under our roots alone', async () => {
  const { onA, onB } = await federate(a, b, { trustMode: 'hierarchical' })
  const ours = (await begin(a).until(tellsState(onA, 'ENROLLED'))).at(-1)
  expect(ours).toMatchObject({ value: { trustDomain: 'a.example', spiffeId: `spiffe://a.example/peer/${onA}` } })
  expect(ours?.case === 'peer' && ours.value.privateKeyPkcs8.length).toBe(0)
  stop.abort()
  await running
  stop = new AbortController()
  const theirs = (await begin(b).until(tellsState(onB, 'ENROLLED'))).at(-1)
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

test('what ends when is told: the root that vouches for a peer, and the certificate that it signed for us', async () => {
  const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
  const routeOn = async (of: TestPlatform, peerId: string) => {
    const reader = begin(of)
    const told = await reader.until(isPosition)
    stop.abort()
    await running
    stop = new AbortController()
    return told.flatMap(({ case: what, value }) => (what === 'peer' && value.peerId === peerId ? [value] : []))[0]
  }
  const route = await routeOn(b, onB)
  const [root, leaf] = [route?.trustRoots[0], route?.certificateChain[0]].map((der) => new X509Certificate(der!))
  expect(
    route?.certificateEnds.map(({ certificate, notBefore, notAfter }) => [
      certificate,
      timestampDate(notBefore!),
      timestampDate(notAfter!),
    ]),
  ).toEqual([
    [`root ${hash('sha256', root!.raw, 'hex')}`, root!.validFromDate, root!.validToDate],
    [`leaf ${leaf!.serialNumber.toLowerCase()}`, leaf!.validFromDate, leaf!.validToDate],
  ])

  const [child] = await a.act((tx) => tx.selectFrom('peer').select('id').execute())
  expect((await routeOn(a, child!.id))?.certificateEnds).toEqual([]) // our own CA vouches for it, and that is not theirs
})

test('where our networks lie is told to peers as soon as it is known, and what is configured goes before it', async () => {
  const prefixesOf = async (platform: TestPlatform) => {
    const reader = begin(platform)
    const told = await reader.until(isTick)
    return told.flatMap(({ case: what, value }) => (what === 'platform' ? [value.platform?.prefixAdvertisement] : []))
  }
  await b.act((tx) => advertisePrefix(tx, 'fd12:3456:789a::/48'))
  expect(await prefixesOf(b)).toEqual(['fd12:3456:789a::/48'])
  const c = await startPlatform('c.example', { clock: a.clock, prefixAdvertisement: 'fd99:1:2::/48' })
  await c.act((tx) => advertisePrefix(tx, 'fd12:3456:789a::/48'))
  stop.abort()
  await running
  stop = new AbortController()
  expect(await prefixesOf(c)).toEqual(['fd99:1:2::/48'])
  stop.abort()
  await running
  stop = new AbortController()
  await c.drop()
})

test('a row whose secret does not open refuses that peer alone', async () => {
  const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
  await b.act((tx) => sql`update peer set certificate_key_sealed = 'spoilt' where id = ${onB}`.execute(tx))
  const reader = begin(b)
  expect((await reader.until(isPosition)).map(({ case: what }) => what)).toEqual(['begun', 'platform', 'position'])
  await reader.until(isTick)
  expect((await peerOn(b, onB)).state).toBe('enrolled')
})

test('a revoked peer is told of for a month; then it is forgotten, also by readers that have been there all the time', async () => {
  const { onA } = await federate(a, b)
  const reader = begin(a)
  await a.act((tx, now) => revokePeer(tx, now, { us: a.us, by: BY, peerId: onA, reason: '' }))
  await reader.until(tellsState(onA, 'REVOKED'))
  await a.clock.advance(30 * DAY_MS - 1)
  expect(await a.act(forgetRevoked)).toBe(0)
  await a.clock.advance(1)
  expect(await a.act(forgetRevoked)).toBe(1)
  await reader.until((update) => update.case === 'removedPeerId' && update.value === onA)
  const late = await read().until(isPosition)
  expect(late.some(({ case: what }) => what === 'peer')).toBe(false)
})

test('a reader that comes back is told what it missed, and who we are, and nothing else', async () => {
  const c = await startPlatform('c.example', { clock: a.clock })
  const { onA } = await federate(a, b)
  await federate(a, c)
  const reader = begin(a)
  await reader.until(isTick)
  const { position } = reader
  await reader.end()
  await suspend(onA)
  const told = await read(position).until(isPosition)
  expect(told.map(({ case: what }) => what)).toEqual(['begun', 'platform', 'peer', 'position'])
  expect(told[0]).toMatchObject({ value: { replaces: false } })
  expect(told.some(tellsState(onA, 'SUSPENDED'))).toBe(true)
  await c.drop()
})

test('a private key is told to the gateway alone, and everything else to the others too', async () => {
  const { onB } = await federate(a, b, { trustMode: 'hierarchical' })
  await begin(b).until(isTick)
  const others = readFeed<Update>((requests, signal) => withoutKeys(feed.follow(requests, signal)))
  const theirs = (await others.until(tellsState(onB, 'ENROLLED'))).at(-1)
  expect(theirs?.case === 'peer' && [theirs.value.certificateChain.length, theirs.value.privateKeyPkcs8.length]).toEqual([3, 0]) // prettier-ignore
  await others.until(isTick)
  await others.end()
})

test('where a peer says its data lives is told', async () => {
  const c = await startPlatform('c.example', { clock: a.clock, dataResidency: 'eu-west-1' })
  const { onA } = await federate(a, c)
  const route = (await begin(a).until(tellsState(onA, 'ENROLLED'))).at(-1)
  expect(route).toMatchObject({ value: { dataResidency: 'eu-west-1' } })
  await c.drop()
})

test('with 10,000 peers a change is told as quickly as with one', async () => {
  const { onA } = await federate(a, b)
  await a.act((tx) => copies(tx, onA, 10_000))
  const reader = begin(a)
  const { length } = (await reader.until(isPosition)).filter(({ case: what }) => what === 'peer')
  expect(length).toBe(10_001)
  await reader.until(isTick)
  const from = reader.told.length
  await suspend(onA)
  const since = await reader.until(tellsState(onA, 'SUSPENDED'), from)
  expect(since.filter(({ case: what }) => what === 'peer').length).toBe(1)
  expect(since.filter(isTick).length).toBeLessThanOrEqual(2)
})

test('a reader that stops is let go', async () => {
  const reader = begin(a)
  await reader.until(isPosition)
  await reader.end()
})

/** Peers like one there is, each with a platform and a domain of its own. */
async function copies(tx: Parameters<Parameters<TestPlatform['act']>[0]>[0], id: string, count: number): Promise<void> {
  const own: Record<string, string> = {
    id: 'gen_random_uuid()',
    name: `''`,
    platform_id: `translate(md5(n::text), '0189', 'wxyz')`,
    trust_domain: `'d' || n || '.example'`,
  }
  const columns = PEER.map((column) => own[column] ?? column)
  await sql`insert into peer (${sql.raw(PEER.join(', '))})
    select ${sql.raw(columns.join(', '))} from peer, generate_series(1, ${count}) n where id = ${id}`.execute(tx)
}
