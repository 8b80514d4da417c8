import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { createLogger } from '@powernode/process'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { createClient, Refusal, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { routeTo } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Two gateways over real TLS, each with a compiler of networks behind it. */
let near: World
let far: World
let toFar: PeerRoute
let toNear: PeerRoute

const PREFIX = 'fd12:3456:789a::/48'
const offer = { sequence: 1n, advertise: [PREFIX], presharedHalf: new Uint8Array(32).fill(7) }

beforeEach(async () => {
  ;[near, far] = await Promise.all([
    startWorld({ trustDomain: 'near.example' }),
    startWorld({ trustDomain: 'far.example' }),
  ])
  toNear = routeTo(near.platform)
  const url = `https://127.0.0.1:${far.door}/`
  toFar = routeTo(far.platform, { endpoints: [{ url, scope: EndpointScope.LAN, priority: 0, cidrHint: '' }] })
  far.registry.put(toNear)
  near.registry.put(toFar)
  for (const world of [near, far]) await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
})
afterEach(async () => {
  await Promise.all([near.stop(), far.stop()])
})

async function callerOf(name: string) {
  const { dir } = await near.platform.identity('service', name)
  const way = { server: 'federation-gateway', trustDomain: 'near.example', tlsDir: dir, clock: systemClock }
  const logger = createLogger('test', { level: 'silent' })
  const address = { host: '127.0.0.1', port: near.inner }
  const client = createClient(FederationService, { ...way, address, logger }, near.signal)
  return () => client.exchangeOverlay({ offer }, { headers: { 'powernode-peer-id': toFar.peerId } })
}

test("an offer of a road reaches the other compiler under its own id of us, and the answer is that side's", async () => {
  const heard: string[] = []
  far.sdwan.receiveOverlay = ({ peerId, offer: theirs }) => {
    heard.push(`${peerId} ${theirs?.sequence} ${theirs?.advertise.join()}`)
    return { offer: { sequence: 9n, withdrawn: true } }
  }
  const answer = await (await callerOf('sdwan-compiler'))()
  expect(heard).toEqual([`${toNear.peerId} 1 ${PREFIX}`])
  expect(answer.offer).toMatchObject({ sequence: 9n, withdrawn: true })
})

test('what the other compiler refuses is refused word for word', async () => {
  far.sdwan.receiveOverlay = () => {
    throw new Refusal('OVERLAY_OUTDATED', 'sequence 1 is older than 4, which was heard')
  }
  const refused = await expectRefusal((await callerOf('sdwan-compiler'))(), 'PEER_REFUSED')
  expect(refused.metadata['peer_reason']).toBe('OVERLAY_OUTDATED')
})

test('nobody but the compiler of networks offers a road', async () => {
  await expectRefusal((await callerOf('grant-authz'))(), 'CALLER_NOT_ALLOWED')
})

test.each([
  ['enrolled', PeerState.ENROLLED, 'PEER_NOT_ENROLLED'],
  ['suspended', PeerState.SUSPENDED, 'PEER_SUSPENDED'],
] as const)('no road is offered to a peer that is %s, and none is heard of from it', async (_what, state, reason) => {
  const call = await callerOf('sdwan-compiler')
  far.sdwan.receiveOverlay = () => ({ offer: { withdrawn: true } })
  await call()

  far.registry.put({ ...toNear, state })
  await until(async () => (await reasonOf(call)) !== 'none')
  const refused = await expectRefusal(call(), 'PEER_REFUSED')
  expect(refused.metadata['peer_reason']).toBe(reason)

  near.registry.put({ ...toFar, state })
  await until(async () => (await reasonOf(call)) !== 'PEER_REFUSED')
  await expectRefusal(call(), reason)
})

async function reasonOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return 'none'
  } catch (error) {
    return refusalOf(error)?.reason ?? 'fault'
  }
}
