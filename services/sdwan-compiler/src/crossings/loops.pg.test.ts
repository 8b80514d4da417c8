import { create } from '@bufbuild/protobuf'
import { Code, ConnectError } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import {
  ExchangeOverlayResponseSchema,
  OverlayOfferSchema,
} from '@powernode/proto/powernode/federation/v1/overlay_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { GetPeerResponseSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SdwanDeps } from '../sdwan-deps.ts'
import { idOf, NOW, RoadWorld } from '../testing/road-world.ts'
import { exchangeOverlays } from './exchange-overlays.ts'
import { lookAtPeers } from './look-at-peers.ts'

let a: RoadWorld
let b: RoadWorld
let clock: FakeClock
let stopping: AbortController
let running: Promise<unknown>
/** What the registry of A says of B, or what it fails with. */
let answer: { state: PeerState; revision: bigint } | Error
let asked: number
/** What stands between the two gateways; a test puts there what it is about. */
let between: () => void
let told: bigint[]

const registry: Pick<SdwanDeps['registry'], 'getPeer'> = {
  async getPeer({ peer: id = '' }) {
    asked += 1
    if (answer instanceof Error) throw answer
    const { platformId, slash48: prefixAdvertisement } = b
    return create(GetPeerResponseSchema, { peer: { id, platformId, prefixAdvertisement, ...answer } })
  },
}

/** The gateways of both platforms: what A tells is heard by B, whose answer comes back. */
const border: Pick<SdwanDeps['border'], 'exchangeOverlay'> = {
  async exchangeOverlay({ offer }) {
    between()
    const said = create(OverlayOfferSchema, offer)
    told.push(said.sequence)
    await b.hear(a, said)
    await b.offers()
    return create(ExchangeOverlayResponseSchema, { offer: await b.offerTo(a) })
  },
}

beforeEach(async () => {
  ;[a, b] = await Promise.all([RoadWorld.start(1), RoadWorld.start(2)])
  clock = new FakeClock(NOW)
  stopping = new AbortController()
  answer = { state: PeerState.ACTIVE, revision: 1n }
  asked = 0
  told = []
  between = () => undefined
  await b.peer(a)
  await b.access(idOf(a), [a.slash48])
  await b.key(a)
  const { database, sealing, trustDomain } = a
  const deps = {
    db: database.db,
    listener: testListener({ url: database.url, schema: 'sdwan_compiler' }),
    clock,
    sealing,
    config: { trustDomain },
    registry: registry as SdwanDeps['registry'], // asked for nothing else
    border: border as SdwanDeps['border'], // as above
    logger: createLogger('test', { level: 'silent' }),
  }
  const replica = () => {
    const whole = { ...deps, metrics: createMetrics('test') }
    return [lookAtPeers(whole, stopping.signal), exchangeOverlays(whole, stopping.signal)]
  }
  running = Promise.all([...replica(), ...replica()])
})
afterEach(async () => {
  stopping.abort()
  await running
  await Promise.all([a.database.drop(), b.database.drop()])
})

const join = async () => {
  await a.access(idOf(b), [b.slash48])
  await until(async () => (await a.roads()).length === 1)
  await a.key(b)
}
const isUp = async (world: RoadWorld) => ((await world.roads())[0]?.remote.length ?? 0) > 0
/** Time passes, step by step; each time every loop of both replicas has come to rest before. */
const passing = async (met: () => Promise<boolean>, ms = 1_000) =>
  until(async () => {
    await clock.sleeping(LOOPS)
    await clock.advance(ms)
    return met()
  })
const LOOPS = 4

test('an access that operators give becomes a road by itself, and of two replicas one tells the peer', async () => {
  await join()
  await until(async () => (await isUp(a)) && (await isUp(b)))
  expect(told).toEqual([1n])
})

test('a peer that cannot be reached is told when it can be', async () => {
  let failures = 0
  between = () => {
    failures += 1
    if (failures < 4) throw new ConnectError('away', Code.Unavailable)
  }
  await join()
  await passing(() => isUp(a))
  expect([failures, told]).toEqual([4, [1n]])
})

test('a peer that lost what it was told has it again within five minutes', async () => {
  await join()
  await until(() => isUp(a))
  await passing(async () => told.length > 1, 60_000)
  expect(told.slice(0, 2)).toEqual([1n, 1n])
  expect(clock.now().getTime() - NOW.getTime()).toBeGreaterThanOrEqual(300_000)
})

test('what the peer heard of us before our backup was made is told beyond', async () => {
  between = () => {
    if (told.length > 0) return
    told.push(0n)
    throw new Refusal('PEER_REFUSED', 'no', { metadata: { peer_reason: 'OVERLAY_OUTDATED', sequence: '17' } })
  }
  await join()
  await passing(() => isUp(a))
  expect(told).toEqual([0n, 18n])
})

test('a peer that has suspended us has no road here, though nobody told us but its refusal', async () => {
  await join()
  await until(() => isUp(a))
  between = () => {
    throw new Refusal('PEER_REFUSED', 'no', { metadata: { peer_reason: 'PEER_SUSPENDED' } })
  }
  answer = { state: PeerState.DEGRADED, revision: 2n }
  await passing(async () => !(await isUp(a)), 5_000)
  expect(clock.now().getTime() - NOW.getTime(), 'long before its silence would end it').toBeLessThan(300_000)
})

test('that a peering was revoked is seen within half a minute when no news of it came', async () => {
  await join()
  await until(() => isUp(a))
  answer = { state: PeerState.REVOKED, revision: 2n }
  await passing(async () => (await a.roads()).length === 0, 5_000)
  expect(clock.now().getTime() - NOW.getTime()).toBeLessThanOrEqual(30_000)
})

test.each([
  ['is away', new ConnectError('away', Code.Unavailable)],
  ['does not let us ask', new Refusal('CALLER_NOT_ALLOWED', 'not you')],
])('a registry that %s has said nothing: what is known stands', async (_how, failure) => {
  await join()
  await until(() => isUp(a))
  answer = failure
  const before = asked
  await passing(async () => asked > before + 2, 5_000)
  expect(await isUp(a)).toBe(true)
})

test('a peer that the registry does not know has no road', async () => {
  await join()
  await until(() => isUp(a))
  answer = new Refusal('PEER_NOT_FOUND', 'no')
  await passing(async () => (await a.roads()).length === 0, 5_000)
})
