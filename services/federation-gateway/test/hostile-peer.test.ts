import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CallOptions, Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { createLogger } from '@powernode/process'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { createClient, Refusal, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { CLEARED } from './policy-world.ts'
import { routeTo } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Alice, of a, asks b; and b is slow, or means ill. */
let a: World
let b: World
let toB: PeerRoute
let alice: Client<typeof FederationService>

const M1 = { kind: 'NodeModule', id: 'm-1' }
const SECRET = BEARER.slice(-43)

beforeAll(async () => {
  ;[a, b] = await Promise.all([
    startWorld({ outbound: { attemptTimeoutMs: 4_000 } }),
    startWorld({ trustDomain: 'b.example' }),
  ])
  const { dir: tlsDir } = await a.platform.identity('operator', 'alice')
  const address = { host: '127.0.0.1', port: a.inner }
  const logger = createLogger('test', { level: 'silent' })
  const road = { address, server: 'federation-gateway', trustDomain: 'a.example', tlsDir, clock: systemClock, logger }
  alice = createClient(FederationService, road, a.signal)
  const endpoint = (host: string) => ({ url: `https://${host}:${b.door}/`, scope: EndpointScope.WAN, priority: 1, cidrHint: '' }) // prettier-ignore
  toB = routeTo(b.platform, { endpoints: ['127.0.0.1', 'localhost'].map(endpoint), dataResidency: 'eu' })
  b.registry.put(routeTo(a.platform, { peerId: PEER, dataResidency: 'eu' }))
  a.registry.put(toB)
  await until(async () => (await metric(b, 'fed_gateway_peers')) + (await metric(a, 'fed_gateway_peers')) === 2)
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${b.at['grant-authz']}`, writable: true }
  b.grants.tell(CLEARED, {
    servedKinds: { kinds: [{ kind: 'NodeModule', dataClass: 'catalogue', ...served }] },
    grants: [{ ...GRANT, resourceId: '', scopes: 3, notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000 }],
  })
  b.grants.owner.put('m-1', { record: { name: 'one' } })
  await until(async () => alice.getResource(M1, asking()).then(() => true, () => false)) // prettier-ignore
})
afterAll(() => Promise.all([a.stop(), b.stop()]))
beforeEach(() => {
  b.grants.owner.meanwhile = () => {}
  b.grants.owner.asked.length = 0
})

function asking(bearer = BEARER): CallOptions {
  return { headers: { 'powernode-peer-id': toB.peerId, 'powernode-grant': bearer }, timeoutMs: 60_000 }
}

test('what we send is not sent a second time to another address of a peer that did not answer', async () => {
  const hung = Promise.withResolvers<void>()
  b.grants.owner.meanwhile = () => hung.promise
  await expectRefusal(alice.updateResource({ ...M1, changes: { name: 'two' } }, asking()), 'PEER_UNREACHABLE')
  expect(b.grants.owner.asked).toEqual(['update m-1'])
  hung.resolve()
})

test('nothing is sent to a peer that was suspended while its call was made ready', async () => {
  a.grants.held = BEARER
  a.grants.choosing = async () => {
    a.registry.put({ ...toB, state: PeerState.SUSPENDED })
    await until(async () => alice.checkAccess({ ...M1, scope: 'read' }, asking()).then(() => false, (error) => refusalOf(error)?.reason === 'PEER_SUSPENDED')) // prettier-ignore
  }
  const { 'powernode-grant': _, ...headers } = asking().headers as Record<string, string>
  const before = b.ledger.decisions.length
  const update = alice.updateResource({ ...M1, changes: { name: 'two' } }, { ...asking(), headers })
  const refusal = await expectRefusal(update, 'PEER_SUSPENDED')
  expect(a.ledger.of(refusal.metadata['decision_id'])).toMatchObject({ allowed: false, reason: 'PEER_SUSPENDED' })
  expect(b.grants.owner.asked).toEqual([])
  expect(b.ledger.decisions.slice(before).filter(({ rpc }) => rpc === 'UpdateResource')).toEqual([])
  a.registry.put(toB)
  await until(async () => alice.getResource(M1, asking()).then(() => true, () => false)) // prettier-ignore
})

describe('no bearer gets on record or into a log', () => {
  const everything = () => JSON.stringify([a.logged(), a.ledger.decisions.map(({ detail, axis }) => [detail, axis])])

  test('when a peer repeats it in its refusal', async () => {
    b.grants.owner.meanwhile = () => {
      throw new Refusal('REQUEST_INVALID', `I was shown ${BEARER}`, { metadata: { said: BEARER }, next: BEARER })
    }
    const refusal = await expectRefusal(alice.getResource(M1, asking()), 'PEER_REFUSED')
    expect(refusal.message).toContain('I was shown')
    expect(JSON.stringify([refusal.message, refusal.metadata, refusal.next])).not.toContain(SECRET)
    expect(everything()).not.toContain(SECRET)
  })

  test('when it cannot be a header', async () => {
    await expectRefusal(alice.getResource(M1, asking(`${BEARER}\u00e9`)), 'REQUEST_INVALID')
    expect(everything()).not.toContain(SECRET)
  })
})
