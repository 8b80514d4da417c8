import type { CallOptions, Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { createLogger } from '@powernode/process'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { createClient, refusalOf, type Reason } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { BEAT } from './caller.ts'
import { CLEARED } from './policy-world.ts'
import { routeTo } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Two gateways of two platforms, which may think differently of how their versions stand. */
let a: World
let b: World
let toB: PeerRoute
let toA: PeerRoute
let alice: Client<typeof FederationService>
let liveness: Client<typeof FederationService>

beforeAll(async () => {
  ;[a, b] = await Promise.all([startWorld(), startWorld({ trustDomain: 'b.example' })])
  const endpoints = [{ url: `https://127.0.0.1:${b.door}/`, scope: EndpointScope.WAN, priority: 1, cidrHint: '' }]
  toB = routeTo(b.platform, { endpoints })
  toA = routeTo(a.platform, { peerId: PEER })
  ;[alice, liveness] = await Promise.all([as('operator', 'alice'), as('service', 'liveness')])
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${b.at['grant-authz']}`, writable: true }
  b.grants.owner.put('m-1', { record: { name: 'one' } })
  b.grants.tell(CLEARED, {
    servedKinds: { kinds: ['NodeModule', 'skill'].map((kind) => ({ kind, dataClass: 'catalogue', ...served })) },
    grants: [{ ...GRANT, resourceId: '', scopes: 3, notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000 }],
  })
})
afterAll(() => Promise.all([a?.stop(), b?.stop()]))
beforeEach(async () => {
  a.registry.put(toB)
  b.registry.put(toA)
  for (const world of [a, b]) await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
  await until(() => update().then(() => true, () => false)) // prettier-ignore
})

async function as(kind: 'operator' | 'service', name: string): Promise<Client<typeof FederationService>> {
  const { dir: tlsDir } = await a.platform.identity(kind, name)
  const address = { host: '127.0.0.1', port: a.inner }
  const logger = createLogger('test', { level: 'silent' })
  const road = { address, server: 'federation-gateway', trustDomain: 'a.example', tlsDir, clock: systemClock, logger }
  return createClient(FederationService, road, a.signal)
}

const asking = (): CallOptions => ({ headers: { 'powernode-peer-id': toB.peerId, 'powernode-grant': BEARER } })
const M1 = { kind: 'NodeModule', id: 'm-1' }
const get = () => alice.getResource(M1, asking())
const update = () => alice.updateResource({ ...M1, changes: { name: 'two' } }, asking())
const beat = () => liveness.heartbeat(BEAT, { headers: { 'powernode-peer-id': toB.peerId } })

/** The reason a call is refused for: ours, or the peer's. */
async function refusedFor(call: Promise<unknown>): Promise<string | undefined> {
  const refusal = refusalOf(await call.then(() => undefined, (error: unknown) => error)) // prettier-ignore
  return refusal?.metadata['peer_reason'] ?? refusal?.reason
}
const untilRefused = (call: () => Promise<unknown>, reason: Reason) =>
  until(async () => (await refusedFor(call())) === reason)

/** Whoever holds the versions to be so: the caller's side, or the one that is called. */
const SIDES = [
  ['we hold', (some: Partial<PeerRoute>) => a.registry.put({ ...toB, ...some }), false],
  ['they hold', (some: Partial<PeerRoute>) => b.registry.put({ ...toA, ...some }), true],
] as const

describe.each(SIDES)('what %s to be incompatible', (_, hold, isTheirs) => {
  test('is refused, reading and writing, while beats and statements pass', async () => {
    hold({ versionStatus: 'incompatible' })
    await untilRefused(get, 'VERSION_INCOMPATIBLE')
    const refusal = await expectRefusal(update(), isTheirs ? 'PEER_REFUSED' : 'VERSION_INCOMPATIBLE')
    expect(refusal.message).toContain('only heartbeats and statements pass')
    expect(await refusedFor(alice.listAuditExcerpts({}, asking()))).toBe('VERSION_INCOMPATIBLE')
    expect((await beat()).echoNonce).toEqual(BEAT.nonce)
    hold({ versionStatus: 'compatible' })
    await until(() => get().then(() => true, () => false)) // prettier-ignore
  })

  test('ends a stream that is open', async () => {
    const told: unknown[] = []
    const read = async () => {
      for await (const { update: said } of alice.watchResources({ kind: 'NodeModule' }, asking())) told.push(said.case)
    }
    const ended = refusedFor(read())
    await until(() => told.includes('snapshotDecisionId'))
    hold({ versionStatus: 'incompatible' })
    expect(await ended).toBe('VERSION_INCOMPATIBLE')
    await until(() => b.grants.owner.watched === 0)
  })
})

describe.each(SIDES)('what %s to be degraded', (_, hold) => {
  test('with kinds refuses these kinds, and nothing else', async () => {
    hold({ versionStatus: 'degraded', refusedKinds: ['NodeModule'] })
    await untilRefused(get, 'VERSION_KIND_REFUSED')
    expect(await refusedFor(update())).toBe('VERSION_KIND_REFUSED')
    expect(await refusedFor(alice.checkAccess({ kind: 'NodeModule', scope: 'read' }, asking()))).toBe('VERSION_KIND_REFUSED') // prettier-ignore
    expect(await refusedFor(alice.listResources({ kind: 'skill' }, asking()))).not.toBe('VERSION_KIND_REFUSED')
    expect((await beat()).echoNonce).toEqual(BEAT.nonce)
  })

  test('without kinds refuses what writes, and lets read', async () => {
    b.grants.owner.asked.length = 0
    hold({ versionStatus: 'degraded', refusedKinds: [] })
    await untilRefused(update, 'VERSION_KIND_REFUSED')
    b.grants.owner.asked.length = 0
    await expect(update()).rejects.toThrow()
    expect(b.grants.owner.asked).toEqual([])
    expect((await get()).resource?.id).toBe('m-1')
    expect(await refusedFor(alice.checkAccess({ kind: 'NodeModule', scope: 'write' }, asking()))).toBe('VERSION_KIND_REFUSED') // prettier-ignore
  })

  test('ends a stream of a kind that becomes refused', async () => {
    const told: unknown[] = []
    const read = async () => {
      for await (const { update: said } of alice.watchResources({ kind: 'NodeModule' }, asking())) told.push(said.case)
    }
    const ended = refusedFor(read())
    await until(() => told.includes('snapshotDecisionId'))
    hold({ versionStatus: 'degraded', refusedKinds: ['NodeModule'] })
    expect(await ended).toBe('VERSION_KIND_REFUSED')
  })
})
