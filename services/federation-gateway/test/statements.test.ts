import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { EnvelopeSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { createClient, Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { Caller } from './caller.ts'
import { TEST_BUNDLE } from './inner-services.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

const { diagnose, notifyCompromise } = FederationService.method
const RECEIPT = create(EnvelopeSchema, { ...TEST_BUNDLE, payload: new Uint8Array([2]) })

/** So that no test waits for what only keeps peers from learning something by the clock. */
const SOON = { diagnosisMs: 10 }

let b: Platform
let other: Platform
let world: World
const callers: Caller[] = []

beforeAll(async () => {
  b = await makePlatform('b.example')
  other = await makePlatform('other.example')
})
beforeEach(async () => {
  world = await startWorld({ calls: SOON })
})
afterEach(async () => {
  for (const caller of callers.splice(0)) caller.close()
  await world.stop()
})

async function know(...routes: ReturnType<typeof routeTo>[]): Promise<void> {
  world.registry.put(...routes)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === world.registry.peers.size)
}

function as({ gateway, trustDomain }: Platform): Caller {
  const caller = new Caller(world.door, gateway, trustDomain)
  callers.push(caller)
  return caller
}

test('a peer that asks how we see it is told of itself, whoever it might say it is', async () => {
  const [ofB, ofOther] = [routeTo(b), routeTo(other)]
  await know(ofB, ofOther)
  const { checks, at } = await as(b).call(diagnose, {})
  expect(checks.map(({ name }) => name)).toEqual(['heartbeats.theirs'])
  expect(at).toBeDefined()
  expect(world.liveness.diagnosed).toEqual([ofB.peerId])
})

test('once in ten seconds: the second question is refused, nobody of ours is asked, and another peer is not kept waiting', async () => {
  const [ofB, ofOther] = [routeTo(b), routeTo(other)]
  await know(ofB, ofOther)
  await as(b).call(diagnose, {})
  const error = await expectRefusal(as(b).call(diagnose, {}), 'DIAGNOSIS_TOO_OFTEN')
  expect(error.retryAfterMs).toBeGreaterThan(0)
  expect(error.retryAfterMs).toBeLessThanOrEqual(10_000)
  await as(other).call(diagnose, {})
  expect(world.liveness.diagnosed).toEqual([ofB.peerId, ofOther.peerId])
})

test('an answer takes its time, and a refusal of ours as long, however soon it was known', async () => {
  await world.stop()
  world = await startWorld({ calls: { diagnosisMs: 400 } })
  await know(routeTo(b), routeTo(other))
  const took = async (asked: () => Promise<unknown>) => {
    const since = systemClock.elapsed()
    await asked()
    return systemClock.elapsed() - since
  }
  const [ofB, ofOther] = [as(b), as(other)]
  expect(await took(() => ofB.call(diagnose, {}))).toBeGreaterThanOrEqual(390)
  world.liveness.diagnosis = () => {
    throw new Refusal('SERVICE_UNAVAILABLE', 'not now')
  }
  expect(await took(() => expectRefusal(ofOther.call(diagnose, {}), 'SERVICE_UNAVAILABLE'))).toBeGreaterThanOrEqual(390)
})

test('a diagnosis is asked for once, and only one by the contract is believed', async () => {
  const there = await startWorld({ trustDomain: 'there.example', calls: SOON })
  try {
    there.registry.put(routeTo(world.platform))
    await until(async () => (await metric(there, 'fed_gateway_peers')) === 1)
    const route = routeTo(there.platform, { endpoints: [{ url: `https://127.0.0.1:${there.door}/` }] })
    await know(route)
    there.liveness.diagnosis = () => ({ checks: [{ name: 'x'.repeat(65), status: 'ok', side: 'nobody' }] })
    const error = await expectRefusal(call('liveness', route.peerId).diagnose({}), 'PEER_UNREACHABLE')
    expect(error.message).toMatch(/not one by the contract/)
    expect(there.liveness.diagnosed).toHaveLength(1)
    const again = await expectRefusal(call('liveness', route.peerId).diagnose({}), 'PEER_REFUSED')
    expect(again.metadata['peer_reason']).toBe('DIAGNOSIS_TOO_OFTEN')
    expect(there.liveness.diagnosed).toHaveLength(1)
  } finally {
    await there.stop()
  }
})

test('a peer that is left alone for a moment is asked all the same: somebody wants to know now', async () => {
  await world.stop()
  world = await startWorld({ outbound: { breakAfter: 1, breakFirstMs: 60_000, retries: 1 } })
  const route = routeTo(b, { endpoints: [{ url: 'https://127.0.0.1:1/' }] })
  await know(route)
  const { diagnose: ask } = call('liveness', route.peerId)
  await expectRefusal(ask({}), 'PEER_UNREACHABLE')
  await expectRefusal(call('peer-registry', route.peerId).getTrustBundle({}), 'PEER_CIRCUIT_OPEN')
  await expectRefusal(ask({}), 'PEER_UNREACHABLE')
})

test.each([
  ['proposed', PeerState.PROPOSED, 'PEER_NOT_ENROLLED'],
  ['suspended', PeerState.SUSPENDED, 'PEER_SUSPENDED'],
  ['revoked', PeerState.REVOKED, 'PEER_REVOKED'],
] as const)('a %s peer is told no more than what it is', async (_state, state, reason) => {
  await know(routeTo(b, { state }))
  await expectRefusal(as(b).call(diagnose, {}), reason)
  expect(world.liveness.diagnosed).toEqual([])
})

test.each([
  ['accepted', PeerState.ACCEPTED],
  ['active', PeerState.ACTIVE],
  ['suspended', PeerState.SUSPENDED],
] as const)(
  'a warning of a peer that is %s is handed to the registry under the name of its certificate, and receipted',
  async (_state, state) => {
    const route = routeTo(b, { state })
    await know(route)
    const heard: unknown[] = []
    world.registry.answers.receiveCompromise = ({ peerId, envelope }) => {
      heard.push([peerId, fromBinary(EnvelopeSchema, envelope).payload])
      return { receipt: toBinary(EnvelopeSchema, RECEIPT) }
    }
    const { receipt } = await as(b).call(notifyCompromise, { notice: TEST_BUNDLE })
    expect(heard).toEqual([[route.peerId, TEST_BUNDLE.payload]])
    expect([...(receipt?.payload ?? [])]).toEqual([2])
  },
)

test('a peer that was revoked is not heard any more, whatever befell it', async () => {
  await know(routeTo(b, { state: PeerState.REVOKED }))
  await expectRefusal(as(b).call(notifyCompromise, { notice: TEST_BUNDLE }), 'PEER_REVOKED')
})

test('outward a warning reaches suspended peers too, and a question only those that are peers now', async () => {
  const there = await startWorld({ trustDomain: 'there.example', calls: SOON })
  try {
    const here = routeTo(world.platform)
    there.registry.put(here)
    there.registry.answers.receiveCompromise = () => ({ receipt: toBinary(EnvelopeSchema, RECEIPT) })
    await until(async () => (await metric(there, 'fed_gateway_peers')) === 1)
    const endpoints = [{ url: `https://127.0.0.1:${there.door}/` }]
    const route = routeTo(there.platform, { state: PeerState.SUSPENDED, endpoints })
    await know(route)

    const { receipt } = await call('peer-registry', route.peerId).notifyCompromise({ notice: TEST_BUNDLE })
    expect([...(receipt?.payload ?? [])]).toEqual([2])
    await expectRefusal(call('liveness', route.peerId).diagnose({}), 'PEER_SUSPENDED')

    world.registry.put({ ...route, state: PeerState.DEGRADED })
    await until(async () => {
      const checks = await call('liveness', route.peerId)
        .diagnose({})
        .then(({ checks: told }) => told)
        .catch(() => [])
      return checks.length === 1
    })
    expect(there.liveness.diagnosed).toEqual([here.peerId])
  } finally {
    await there.stop()
  }
})

function call(service: 'peer-registry' | 'liveness', peerId: string) {
  const { platform, dirs, inner, signal } = world
  const way = {
    trustDomain: platform.trustDomain,
    clock: systemClock,
    logger: createLogger('test', { level: 'silent' }),
  }
  const client = createClient(
    FederationService,
    { ...way, address: { host: '127.0.0.1', port: inner }, server: 'federation-gateway', tlsDir: dirs[service] },
    signal,
  )
  const options = { headers: { 'powernode-peer-id': peerId } }
  return {
    notifyCompromise: (request: Parameters<typeof client.notifyCompromise>[0]) =>
      client.notifyCompromise(request, options),
    diagnose: (request: Parameters<typeof client.diagnose>[0]) => client.diagnose(request, options),
    getTrustBundle: (request: Parameters<typeof client.getTrustBundle>[0]) => client.getTrustBundle(request, options),
  }
}
