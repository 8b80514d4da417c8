import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CallOptions, Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { createLogger } from '@powernode/process'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { createClient, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { CLEARED } from './policy-world.ts'
import type { Told } from './policy-services.ts'
import { routeTo } from './platform.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Two gateways of two platforms: alice, of a, asks b for its resources. */
let a: World
let b: World
let toB: PeerRoute
let alice: Client<typeof FederationService>

const OVERRIDE = '01930000-0000-7000-8000-00000000cc01'
const REGIONS = [
  { name: 'eu', parent: '' },
  { name: 'us', parent: '' },
]
const RULES = { defaultMode: 'advise', homeRegion: 'eu', regions: REGIONS, rules: [] }

beforeAll(async () => {
  ;[a, b] = await Promise.all([startWorld(), startWorld({ trustDomain: 'b.example' })])
  const { dir: tlsDir } = await a.platform.identity('operator', 'alice')
  const address = { host: '127.0.0.1', port: a.inner }
  const logger = createLogger('test', { level: 'silent' })
  const road = { address, server: 'federation-gateway', trustDomain: 'a.example', tlsDir, clock: systemClock, logger }
  alice = createClient(FederationService, road, a.signal)
  const endpoints = [{ url: `https://127.0.0.1:${b.door}/`, scope: EndpointScope.WAN, priority: 1, cidrHint: '' }]
  toB = routeTo(b.platform, { endpoints, dataResidency: 'us' })
  b.registry.put(routeTo(a.platform, { peerId: PEER, dataResidency: 'eu' }))
  await until(async () => (await metric(b, 'fed_gateway_peers')) === 1)
})
afterAll(() => Promise.all([a.stop(), b.stop()]))
beforeEach(async () => {
  a.registry.put(toB)
  a.ledger.answering = true
  a.grants.held = ''
  await until(async () => (await metric(a, 'fed_gateway_peers')) === 1)
  b.grants.owner.records.clear()
  b.grants.owner.asked.length = 0
  b.grants.owner.put('m-1', { record: { name: 'one' } })
  a.grants.tell(CLEARED, { removedResidencyPeerIds: [toB.peerId] }, { residencyRules: RULES })
  await granted()
})

/** b grants a everything for an hour, but for what a test says. */
async function granted(some: Partial<typeof GRANT> = {}, said: Told = {}): Promise<void> {
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${b.at['grant-authz']}`, writable: true }
  b.grants.tell(CLEARED, {
    servedKinds: { kinds: [{ kind: 'NodeModule', dataClass: 'catalogue', ...served }] },
    residencyRules: RULES,
    grants: [
      { ...GRANT, resourceId: '', scopes: 3, notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000, ...some },
    ],
    ...said,
  })
}

const asking = (headers: Record<string, string> = { 'powernode-grant': BEARER }): CallOptions => ({
  headers: { 'powernode-peer-id': toB.peerId, ...headers },
})
const M1 = { kind: 'NodeModule', id: 'm-1' }
const readable = () => until(async () => alice.getResource(M1, asking()).then(() => true, () => false)) // prettier-ignore

test('what a peer shows comes back, and both sides have on record why, each with its own id', async () => {
  await readable()
  const { resource, decisionId } = await alice.getResource(M1, asking())
  expect(resource?.record).toEqual({ name: 'one' })
  const ours = a.ledger.of(decisionId)
  expect(ours).toMatchObject({
    direction: 'out',
    allowed: true,
    reason: 'ALLOWED',
    peerId: toB.peerId,
    grantId: GRANT.id,
  })
  expect(b.ledger.of(ours?.remoteDecisionId)).toMatchObject({ direction: 'in', allowed: true, peerId: PEER })
  expect(b.ledger.of(ours?.remoteDecisionId)?.requestId).toBe(ours?.requestId)
})

test('the bearer is the one that fits of those we hold; when none does, nothing is sent', async () => {
  await readable()
  a.grants.held = BEARER
  expect((await alice.listResources({ kind: 'NodeModule' }, asking({}))).resources).toHaveLength(1)
  a.grants.held = ''
  const before = b.ledger.decisions.length
  const refusal = await expectRefusal(alice.getResource(M1, asking({})), 'GRANT_REQUIRED')
  expect(a.ledger.of(refusal.metadata['decision_id'])).toMatchObject({ allowed: false, reason: 'GRANT_MISSING' })
  expect(b.ledger.decisions.length).toBe(before)
})

test("the peer's no comes back with its reason, and leads to its decision", async () => {
  await readable()
  const call = alice.checkAccess({ kind: 'NodeModule', scope: 'admin' }, asking())
  const refusal = await expectRefusal(call, 'PEER_REFUSED')
  expect(refusal.metadata).toMatchObject({ peer_reason: 'SCOPE_MISMATCH', axis: 'scope' })
  const ours = a.ledger.of(refusal.metadata['decision_id'])
  expect(ours).toMatchObject({ direction: 'out', allowed: false, reason: 'SCOPE_MISMATCH', axis: 'scope' })
  expect(ours?.remoteDecisionId).toBe(refusal.metadata['remote_decision_id'])
  expect(b.ledger.of(ours?.remoteDecisionId)).toMatchObject({ reason: 'SCOPE_MISMATCH', axis: 'scope' })
})

test('no answer before it is on record', async () => {
  await readable()
  a.ledger.answering = false
  await expectRefusal(alice.getResource(M1, asking()), 'RECORD_UNAVAILABLE')
})

describe('what we send', () => {
  const update = () => alice.updateResource({ ...M1, changes: { name: 'two' } }, asking())

  test('goes out where it may go', async () => {
    await readable()
    await until(async () => update().then(() => true, () => false)) // prettier-ignore
    expect(b.grants.owner.records.get('m-1')?.record).toEqual({ name: 'two' })
    const came = a.ledger.decisions.at(-1)
    const left = a.ledger.sent.filter(({ id }) => id === came?.id)
    expect(left).toMatchObject([
      { reason: 'SENT', resourceRegion: 'eu', destinationRegion: 'us', remoteDecisionId: '' },
    ])
    expect(b.ledger.of(came?.remoteDecisionId)).toMatchObject({ allowed: true, rpc: 'UpdateResource' })
  })

  test('does not leave before it is on record that it may', async () => {
    await readable()
    await until(async () => update().then(() => true, () => false)) // prettier-ignore
    b.grants.owner.asked.length = 0
    a.ledger.answering = false
    await expectRefusal(update(), 'RECORD_UNAVAILABLE')
    expect(b.grants.owner.asked).toEqual([])
  })

  test('is refused before it leaves where it may not go, and an override lets it go once', async () => {
    await readable()
    a.grants.tell({ residencies: [{ peerId: toB.peerId, tag: 'eu', mode: 'enforce', located: 'us' }] })
    await until(async () => update().then(() => false, (error) => refusalOf(error)?.reason === 'RESIDENCY_VIOLATION')) // prettier-ignore
    b.grants.owner.asked.length = 0
    const refusal = await expectRefusal(update(), 'RESIDENCY_VIOLATION')
    expect(b.grants.owner.asked).toEqual([])
    expect(a.ledger.of(refusal.metadata['decision_id'])).toMatchObject({
      direction: 'out',
      allowed: false,
      reason: 'RESIDENCY_VIOLATION',
      axis: 'residency',
      resourceRegion: 'eu',
      destinationRegion: 'us',
      residencyMode: 'enforce',
    })
    const expiresAtMs = systemClock.now().getTime() + 60_000
    const overrides = [{ id: OVERRIDE, peerId: toB.peerId, resourceKind: 'NodeModule', resourceId: '', expiresAtMs }]
    a.grants.tell({ overrides })
    await until(async () => update().then(() => true, () => false)) // prettier-ignore
    await expectRefusal(update(), 'RESIDENCY_VIOLATION')
    expect(a.ledger.decisions.filter(({ overrideId }) => overrideId === OVERRIDE)).toHaveLength(1)
  })
})

describe('a stream of resources', () => {
  async function watch() {
    await readable()
    const told: unknown[] = []
    const read = async () => {
      for await (const { update } of alice.watchResources({ kind: 'NodeModule' }, asking())) told.push(update.case)
    }
    const ended = read().then(
      () => undefined,
      (error: unknown) => refusalOf(error),
    )
    await until(() => told.includes('snapshotDecisionId'))
    return { told, ended }
  }

  test('comes through, and its end has the reason of the peer', async () => {
    const { told, ended } = await watch()
    b.grants.owner.put('m-2')
    await until(() => told.length === 3)
    await granted({ revokedAtMs: 1 })
    const refusal = await ended
    expect(refusal).toMatchObject({ reason: 'PEER_REFUSED', metadata: { peer_reason: 'GRANT_INVALID' } })
    const end = a.ledger.of(refusal?.metadata['decision_id'])
    expect(end).toMatchObject({ direction: 'out', allowed: false, reason: 'GRANT_INVALID', rpc: 'WatchResources' })
    expect(b.ledger.of(end?.remoteDecisionId)).toMatchObject({ reason: 'GRANT_REVOKED' })
  })

  test('ends when we suspend the peer', async () => {
    const { ended } = await watch()
    a.registry.put({ ...toB, state: PeerState.SUSPENDED })
    expect((await ended)?.reason).toBe('PEER_SUSPENDED')
    await until(() => b.grants.owner.watched === 0)
  })
})
