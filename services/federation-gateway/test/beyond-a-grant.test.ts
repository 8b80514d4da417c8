import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { Caller, type Outcome } from './caller.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import type { Told } from './policy-services.ts'
import { CLEARED } from './policy-world.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** What a peer that has a grant may try, to get more than the grant gives, or for longer. */
let world: World
let b: Platform
let caller: Caller
let route: PeerRoute

const { method } = FederationService
const OVERRIDE = '01930000-0000-7000-8000-00000000cc01'
const REGIONS = [
  { name: 'eu', parent: '' },
  { name: 'us', parent: '' },
]
const RULES = { defaultMode: 'advise', homeRegion: 'eu', regions: REGIONS, rules: [] }
const staysIn = (region: string) => ({
  residencyRules: {
    ...RULES,
    rules: [{ id: 'r-1', peerId: '', dataClass: '*', allowedRegions: [region], mode: 'enforce' }],
  },
})
const MOST_WATCHES = 3
const bearing = { authorization: `Bearer ${BEARER}` }
const M1 = { kind: 'NodeModule', id: 'm-1' }

beforeAll(async () => {
  ;[world, b] = await Promise.all([
    startWorld({ calls: { callsPerPeer: 100_000, watchesPerPeer: MOST_WATCHES } }),
    makePlatform('b.example'),
  ])
})
afterAll(() => world.stop())
beforeEach(async () => {
  caller = new Caller(world.door, b.gateway, b.trustDomain)
  route = routeTo(b, { peerId: PEER, dataResidency: 'eu' })
  world.registry.put(route)
  await until(async () => (await metric(world, 'fed_gateway_peers')) === 1)
  const { owner, consumed } = world.grants
  owner.records.clear()
  owner.asked.length = 0
  owner.meanwhile = () => {}
  consumed.clear()
  owner.put('m-1', { record: { name: 'one', size: 1 } })
  await policy()
})
afterEach(() => caller.close())

/** A grant of everything to b, for an hour from now, and what else a test says; in force when this returns. */
async function policy(said: Told = {}, grant: Partial<typeof GRANT> = {}): Promise<void> {
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${world.at['grant-authz']}`, writable: true }
  const epoch = world.grants.tell(CLEARED, {
    servedKinds: { kinds: [{ kind: 'NodeModule', dataClass: 'catalogue', ...served }] },
    residencyRules: RULES,
    ...said,
    grants: [
      { ...GRANT, resourceId: '', scopes: 3, notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000, ...grant },
    ],
  })
  await until(async () => {
    const { trailer } = await caller.outcome(method.checkAccess, { kind: 'none', scope: 'read' })
    return (world.ledger.of(idIn(trailer))?.policyEpoch ?? -1n) >= epoch
  })
}

const idIn = (trailer: Outcome<unknown>['trailer']): string => String(trailer.get('powernode-decision-id')[0])
const reasonOf = ({ error }: Outcome<unknown>) => (error ? (refusalOf(error)?.reason ?? String(error)) : 'ok')
const openOverride = (resourceId = 'm-1') => ({
  overrides: [
    {
      id: OVERRIDE,
      peerId: PEER,
      resourceKind: 'NodeModule',
      resourceId,
      expiresAtMs: systemClock.now().getTime() + 60_000,
    },
  ],
})
const watch = () => caller.stream(method.watchResources, { kind: 'NodeModule' }, bearing)

describe('an override is for one call', () => {
  test('it opens no stream, which would go on for as long as the grant, and is not used up by the attempt', async () => {
    await policy({ ...staysIn('us'), ...openOverride('') })
    const stream = watch()
    const error = await stream.ended
    expect(error && refusalOf(error)?.reason).toBe('RESIDENCY_VIOLATION')
    expect(stream.answers).toEqual([])
    expect(world.grants.consumed.size).toBe(0)
  })

  test('asking whether a call would pass does not use it up', async () => {
    await policy({ ...staysIn('us'), ...openOverride() })
    const asked = await caller.outcome(method.checkAccess, { ...M1, scope: 'read' }, bearing)
    expect(reasonOf(asked)).toBe('RESIDENCY_VIOLATION')
    expect(world.grants.consumed.size).toBe(0)
    expect(reasonOf(await caller.outcome(method.getResource, M1, bearing))).toBe('ok')
  })

  test('a change of what no peer may change does not use it up', async () => {
    const served = { service: 'service/grant-authz', address: `127.0.0.1:${world.at['grant-authz']}`, writable: false }
    const servedKinds = { kinds: [{ kind: 'NodeModule', dataClass: 'catalogue', ...served }] }
    await policy({ ...staysIn('us'), ...openOverride(), servedKinds })
    await caller.outcome(method.updateResource, { ...M1, changes: { name: 'two' } }, bearing)
    expect(world.grants.consumed.size).toBe(0)
    expect(world.grants.owner.asked).toEqual([])
  })

  test('it covers the record it was made for, also when that is of a class of its own', async () => {
    world.grants.owner.put('m-1', { record: { name: 'one' }, dataClass: 'health' })
    await policy({ ...staysIn('us'), ...openOverride() })
    const came = await caller.outcome(method.getResource, M1, bearing)
    expect(reasonOf(came)).toBe('ok')
    expect(world.ledger.of(came.answer?.decisionId)).toMatchObject({
      allowed: true,
      overrideId: OVERRIDE,
      dataClass: 'health',
    })
    expect(reasonOf(await caller.outcome(method.getResource, M1, bearing))).toBe('RESIDENCY_VIOLATION')
  })
})

describe('the answer to a change', () => {
  const update = () => caller.outcome(method.updateResource, { ...M1, changes: { name: 'two' } }, bearing)

  test('shows no record to whom may write and not read', async () => {
    await policy({}, { scopes: 2 })
    const { answer } = await update()
    expect(answer?.resource?.record).toEqual({})
    expect(world.grants.owner.records.get('m-1')?.record).toEqual({ name: 'two', size: 1 })
    await policy()
    expect((await update()).answer?.resource?.record).toEqual({ name: 'two', size: 1 })
  })

  test('shows none when the grant was revoked while the change was made', async () => {
    world.grants.owner.meanwhile = () => policy({}, { revokedAtMs: 1 })
    const { answer } = await update()
    expect(answer?.resource?.record).toEqual({})
  })
})

describe('a stream of resources', () => {
  test('ends when the peer moves to where the data may not go', async () => {
    await policy(staysIn('eu'))
    const stream = watch()
    await until(() => stream.answers.length === 2)
    world.registry.put({ ...route, dataResidency: 'us' })
    const error = await stream.ended
    expect(error && refusalOf(error)?.reason).toBe('RESIDENCY_VIOLATION')
    expect(world.ledger.of(error && idIn(error.metadata))).toMatchObject({ destinationRegion: 'us', allowed: false })
  })

  test('ends at once when what vouched for its reader has changed, however long its calls may still take', async () => {
    const stream = watch()
    await until(() => stream.answers.length === 2)
    world.registry.put({ ...route, trustRoots: [...route.trustRoots, world.platform.authority.rootCertificate] })
    const error = await stream.ended
    expect(error && refusalOf(error)?.reason).toBe('CERTIFICATE_NOT_TRUSTED')
  })

  test('is one of few that a peer may have: each is decided about at every change of policy', async () => {
    const open = Array.from({ length: MOST_WATCHES }, watch)
    await until(() => open.every(({ answers }) => answers.length === 2))
    const beyond = watch()
    const error = await beyond.ended
    expect(error && refusalOf(error)?.reason).toBe('RATE_LIMITED')
    open[0]?.cancel()
    await until(() => world.grants.owner.watched === MOST_WATCHES - 1)
    const again = watch()
    await until(() => again.answers.length === 2)
    for (const stream of [...open, again]) stream.cancel()
    await until(() => world.grants.owner.watched === 0)
  })
})
