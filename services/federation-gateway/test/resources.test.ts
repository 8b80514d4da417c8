import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHash } from 'node:crypto'
import { systemClock } from '@powernode/clock'
import { pemToDer } from '@powernode/identity'
import { isScope } from '@powernode/policy'
import { BEARER, GRANT, GRANT_ID, IDENTITY, PEER, OTHER_PEER, SITUATIONS } from '@powernode/policy/testing'
import { elapsed } from '@powernode/process'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { Caller, type Outcome } from './caller.ts'
import type { Told } from './policy-services.ts'
import { makePlatform, routeTo, type Platform } from './platform.ts'
import { CLEARED, pageHere, StoppedClock } from './policy-world.ts'
import { metric, startWorld, until, type World } from './world.ts'

const { method } = FederationService
const CERTIFICATE_SHA256 = 'n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg' // of the caller in the table of situations
const OVERRIDE = '01930000-0000-7000-8000-00000000cc01'
const REGIONS = [
  { name: 'eu', parent: '' },
  { name: 'eu-west-1', parent: 'eu' },
  { name: 'us', parent: '' },
]
const RULES = { defaultMode: 'advise', homeRegion: 'eu', regions: REGIONS, rules: [] }

let world: World
let b: Platform
let c: Platform
let clock: StoppedClock
let route: PeerRoute
let sha256: string
const callers: Caller[] = []
const streams: { cancel: () => void }[] = []

beforeAll(async () => {
  clock = new StoppedClock()
  ;[world, b, c] = await Promise.all([
    startWorld({ clock, calls: { callsPerPeer: 100_000 } }),
    makePlatform('b.example'),
    makePlatform('c.example'),
  ])
  const [leaf] = pemToDer(b.gateway.cert, 'CERTIFICATE')
  sha256 = createHash('sha256').update(leaf!).digest('base64url')
})
afterAll(() => world.stop())
beforeEach(async () => {
  route = routeTo(b, { peerId: PEER, dataResidency: 'eu-west-1' })
  world.registry.put(route, routeTo(c, { peerId: OTHER_PEER, dataResidency: 'eu-west-1' }))
  await until(async () => (await metric(world, 'fed_gateway_peers')) === 2)
  world.ledger.answering = true
  world.grants.owner.records.clear()
  world.grants.owner.asked.length = 0
  world.grants.owner.meanwhile = () => {}
  await policy()
})
afterEach(() => {
  clock.go()
  for (const stream of streams.splice(0)) stream.cancel()
  for (const caller of callers.splice(0)) caller.close()
})

function as(platform: Platform, shown = platform.gateway, door = world.door): Caller {
  const caller = new Caller(door, shown, platform.trustDomain)
  callers.push(caller)
  return caller
}

const kinds = (some: object = {}) => ({
  kinds: [
    {
      kind: 'NodeModule',
      service: 'service/grant-authz',
      address: `127.0.0.1:${world.at['grant-authz']}`,
      dataClass: 'catalogue',
      sensitiveFields: ['secret', 'config.password'],
      writable: true,
      ...some,
    },
  ],
})

/** A grant of everything to b, for an hour from now, and what else a test says. */
async function policy(said: Told = {}, grant: Partial<typeof GRANT> = {}): Promise<void> {
  const nowMs = clock.now().getTime()
  const times = { notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000 }
  const page = {
    servedKinds: kinds(),
    residencyRules: RULES,
    ...said,
    grants: [{ ...GRANT, resourceId: '', scopes: 3, ...times, ...grant }],
  }
  await inForce(world.grants.tell(CLEARED, page))
}

/** Waits until the gateway decides on this epoch. */
async function inForce(epoch: bigint, at = world): Promise<void> {
  const caller = new Caller(at.door, c.gateway, 'c.example')
  const asked = { kind: 'NodeModule', scope: 'read' }
  await until(async () => {
    const { trailer } = await caller.outcome(method.checkAccess, asked)
    return (at.ledger.of(idIn(trailer))?.policyEpoch ?? -1n) >= epoch
  })
  caller.close()
}

const idIn = (trailer: Outcome<unknown>['trailer']): string => String(trailer.get('powernode-decision-id')[0])
const bearing = (bearer: string = BEARER) => ({ authorization: `Bearer ${bearer}` })
const reasonOf = ({ error }: Outcome<unknown>) => (error ? (refusalOf(error)?.reason ?? String(error)) : 'ok')
const read = (caller: Caller, id = 'm-1') => caller.outcome(method.getResource, { kind: 'NodeModule', id }, bearing())

describe('the table of situations, through the door', () => {
  const expressible = SITUATIONS.filter(
    ({ world: { request } }) =>
      request.kind !== '' && // these the rules of the proto refuse
      isScope(request.scope) &&
      request.bearer === request.bearer?.trim() && // HTTP/2 drops a header that ends in a space (RFC 9113 §8.2.1)
      request.presentedIdentity === IDENTITY && // others are not admitted at all
      request.enrolledIdentity === IDENTITY &&
      request.certificateSha256 === CERTIFICATE_SHA256 &&
      [PEER, OTHER_PEER].includes(request.peerId) &&
      ['192.0.2.7', '::ffff:192.0.2.7'].includes(request.sourceAddress),
  )

  test('has most of its rows here', () => {
    expect(expressible.length).toBeGreaterThan(SITUATIONS.length * 0.8)
  })

  test.each(expressible)('$name', async ({ world: { page, request }, reason, axis, wire, advised = false }) => {
    clock.stop(systemClock.now())
    const here = pageHere(page, clock.now(), { from: CERTIFICATE_SHA256, to: sha256 })
    world.registry.put({ ...route, dataResidency: request.declaredResidency })
    await inForce(world.grants.tell(CLEARED, here))
    const { kind, id, scope } = request
    const caller = request.peerId === PEER ? as(b) : as(c)
    const came = await caller.outcome(
      method.checkAccess,
      { kind, id, scope },
      {
        ...(request.bearer !== undefined && bearing(request.bearer)),
        ...(request.nodeInstanceId && { 'powernode-node-instance': request.nodeInstanceId }),
        ...(request.sdwanNetworkId && { 'powernode-sdwan-network': request.sdwanNetworkId }),
      },
    )
    expect(reasonOf(came)).toBe(wire ?? 'ok')
    const decision = world.ledger.of(idIn(came.trailer))
    expect(decision).toMatchObject({
      direction: 'in',
      peerId: request.peerId,
      allowed: wire === undefined,
      reason,
      axis,
      advised,
      rpc: 'CheckAccess',
      resourceKind: kind,
      resourceId: id,
      scope,
      sourceAddress: '127.0.0.1',
    })
    const told = came.answer?.decisionId ?? (came.error && refusalOf(came.error)?.metadata['decision_id'])
    expect(told).toBe(decision?.id)
    expect(JSON.stringify([world.ledger.decisions.at(-1)?.detail, world.logged().at(-1)])).not.toContain('kP3x5m0ZrC1v')
  })
})

describe('a bearer that is no good is one answer', () => {
  const bad = {
    'never was': bearing(`fg-${OTHER_PEER}.${'A'.repeat(43)}`),
    'has another secret': bearing(`fg-${GRANT_ID}.${'A'.repeat(43)}`),
    'is no bearer': bearing('nonsense'),
    'came twice': { authorization: `Bearer ${BEARER}, Bearer ${BEARER}` },
  }
  const shape = ({ error, trailer }: Outcome<unknown>) => {
    const refusal = error && refusalOf(error)
    return {
      code: error?.code,
      words: error?.details,
      keys: Object.keys(trailer.getMap()).toSorted(),
      reason: refusal?.reason,
      metadata: Object.keys(refusal?.metadata ?? {}).toSorted(),
      details: refusal?.details.length,
      retry: refusal?.retryAfterMs,
    }
  }

  test('in words, in metadata, in size, whatever is wrong with it', async () => {
    const shapes: ReturnType<typeof shape>[] = []
    for (const headers of Object.values(bad)) {
      shapes.push(shape(await as(b).outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, headers)))
    }
    shapes.push(shape(await as(c).outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, bearing())))
    const nowMs = clock.now().getTime()
    for (const grant of [
      { revokedAtMs: nowMs - 1 },
      { expiresAtMs: nowMs - 1 },
      { boundIdentities: ['spiffe://b.example/service/x'] },
    ]) {
      await policy({}, grant)
      shapes.push(shape(await as(b).outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, bearing())))
    }
    expect(shapes).toEqual(shapes.map(() => shapes[0]))
    expect(shapes[0]).toMatchObject({ code: 16, reason: 'GRANT_INVALID', metadata: ['decision_id'] })
  })

  test('in time: unknown and revoked take as long, as far as a peer can measure', async () => {
    await policy({}, { revokedAtMs: 1 })
    const caller = as(b)
    const took = { unknown: [] as number[], revoked: [] as number[] }
    const headers = { unknown: bad['never was'], revoked: bearing() }
    for (let round = 0; round < 300; round++) {
      for (const which of ['unknown', 'revoked'] as const) {
        const time = elapsed()
        await caller.outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, headers[which])
        if (round >= 50) took[which].push(time())
      }
    }
    const median = (times: number[]) => times.toSorted((x, y) => x - y)[Math.floor(times.length / 2)]!
    const ratio = median(took.unknown) / median(took.revoked)
    expect(ratio).toBeGreaterThan(0.5)
    expect(ratio).toBeLessThan(2)
  })
})

test('a second certificate of the same peer that the grant is not bound to is refused', async () => {
  await policy({}, { boundIdentities: [`x5t#S256:${sha256}`] })
  const { material } = await b.identity('service', 'federation-gateway')
  const asked = { kind: 'NodeModule', scope: 'read' }
  expect(reasonOf(await as(b).outcome(method.checkAccess, asked, bearing()))).toBe('ok')
  const came = await as(b, material).outcome(method.checkAccess, asked, bearing())
  expect(reasonOf(came)).toBe('GRANT_INVALID')
  expect(world.ledger.of(idIn(came.trailer))?.reason).toBe('GRANT_NOT_BOUND')
})

describe('on record', () => {
  test('nobody is answered before the decision is durable, and a decision that cannot be recorded is a refusal', async () => {
    world.grants.owner.put('m-1')
    world.ledger.answering = false
    for (const headers of [bearing(), bearing('nonsense')]) {
      const came = await as(b).outcome(method.getResource, { kind: 'NodeModule', id: 'm-1' }, headers)
      expect(reasonOf(came)).toBe('RECORD_UNAVAILABLE')
    }
    expect(world.grants.owner.asked).toEqual([])
  })

  test('many decisions at once travel in few messages', async () => {
    const caller = as(b)
    await caller.outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, bearing())
    const before = world.ledger.messages.length
    await Promise.all(
      Array.from({ length: 80 }, () =>
        caller.outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, bearing()),
      ),
    )
    expect(world.ledger.messages.length - before).toBeLessThan(50)
  })

  test('an id in a header that is none is refused before anything is decided', async () => {
    const headers = { ...bearing(), 'powernode-sdwan-network': 'x'.repeat(200) }
    const came = await as(b).outcome(method.checkAccess, { kind: 'NodeModule', scope: 'read' }, headers)
    expect(reasonOf(came)).toBe('REQUEST_INVALID')
    expect(came.trailer.get('powernode-decision-id')).toEqual([])
  })
})

describe('records', () => {
  test('come without what no peer sees, and say what that is', async () => {
    world.grants.owner.put('m-1', { record: { name: 'one', secret: 's', config: { password: 'p', port: 1 } } })
    const { answer } = await read(as(b))
    expect(answer?.resource).toMatchObject({
      record: { name: 'one', config: { port: 1 } },
      withheldFields: ['secret', 'config.password'],
    })
    const listed = await as(b).outcome(method.listResources, { kind: 'NodeModule' }, bearing())
    expect(JSON.stringify(listed.answer?.resources[0]?.record)).not.toMatch(/secret|password/)
  })

  test('what a peer does not see it does not set either', async () => {
    world.grants.owner.put('m-1', { record: { secret: 's' } })
    const update = (changes: { [name: string]: string }) =>
      as(b).outcome(method.updateResource, { kind: 'NodeModule', id: 'm-1', changes }, bearing())
    expect(reasonOf(await update({ secret: 'mine' }))).toBe('REQUEST_INVALID')
    expect(reasonOf(await update({ config: 'mine' }))).toBe('REQUEST_INVALID')
    expect(reasonOf(await update({ name: 'new' }))).toBe('ok')
    expect(world.grants.owner.records.get('m-1')?.record).toEqual({ secret: 's', name: 'new' })
  })

  test('a kind that is not writable is read only, whatever the scope', async () => {
    await policy({ servedKinds: kinds({ writable: false }) })
    const asked = { kind: 'NodeModule', id: 'm-1', scope: 'write' }
    expect(reasonOf(await as(b).outcome(method.checkAccess, asked, bearing()))).toBe('RESOURCE_READ_ONLY')
  })

  test('one that may not go where the call would take it is refused; in lists it is left out, and pages go on', async () => {
    const rules = [{ id: 'r-1', peerId: '', dataClass: 'health', allowedRegions: ['us'], mode: 'enforce' }]
    await policy({ residencyRules: { ...RULES, rules } })
    const healthy = new Set(['m-03', 'm-04', 'm-05', 'm-06', 'm-10'])
    for (let n = 1; n <= 10; n++) {
      const id = `m-${String(n).padStart(2, '0')}`
      world.grants.owner.put(id, healthy.has(id) ? { dataClass: 'health' } : {})
    }
    const caller = as(b)
    const seen: string[] = []
    let pageToken = ''
    do {
      const { answer } = await caller.outcome(
        method.listResources,
        { kind: 'NodeModule', pageSize: 2, pageToken },
        bearing(),
      )
      seen.push(...answer!.resources.map(({ id }) => id))
      pageToken = answer!.nextPageToken
    } while (pageToken)
    expect(seen).toEqual(['m-01', 'm-02', 'm-07', 'm-08', 'm-09'])
    const came = await read(caller, 'm-04')
    expect(reasonOf(came)).toBe('RESIDENCY_VIOLATION')
    expect(world.ledger.of(idIn(came.trailer))).toMatchObject({
      allowed: false,
      axis: 'residency',
      dataClass: 'health',
      resourceId: 'm-04',
      residencyRuleId: 'r-1',
    })
    expect(reasonOf(await read(caller, 'm-01'))).toBe('ok')
  })

  test('a grant for one resource lists that one, whatever its owner answers', async () => {
    for (const id of ['m-1', 'm-2']) world.grants.owner.put(id)
    await policy({}, { resourceId: 'm-2' })
    const { answer } = await as(b).outcome(method.listResources, { kind: 'NodeModule' }, bearing())
    expect(answer?.resources.map(({ id }) => id)).toEqual(['m-2'])
  })

  test('what is not there, and an owner that is away or is somebody else', async () => {
    expect(reasonOf(await read(as(b)))).toBe('RESOURCE_NOT_FOUND')
    await policy({ servedKinds: kinds({ address: '127.0.0.1:1' }) })
    expect(reasonOf(await read(as(b)))).toBe('SERVICE_UNAVAILABLE')
    await policy({ servedKinds: kinds({ address: `127.0.0.1:${world.at['peer-registry']}` }) })
    expect(reasonOf(await read(as(b)))).toBe('SERVICE_UNAVAILABLE')
  })

  test('an answer is not given when its leave is taken away while the owner thinks', async () => {
    world.grants.owner.put('m-1')
    world.grants.owner.meanwhile = async () => {
      await policy({}, { revokedAtMs: 1 })
    }
    const came = await read(as(b))
    expect(reasonOf(came)).toBe('GRANT_INVALID')
    expect(world.ledger.of(idIn(came.trailer))?.reason).toBe('GRANT_REVOKED')
  })
})

test('an override lets one call pass, of twenty at once', async () => {
  world.grants.owner.put('m-1')
  const residencies = [{ peerId: PEER, tag: 'us', mode: 'enforce', located: 'eu-west-1' }]
  const expiresAtMs = clock.now().getTime() + 60_000
  const overrides = [{ id: OVERRIDE, peerId: PEER, resourceKind: 'NodeModule', resourceId: 'm-1', expiresAtMs }]
  await policy({ residencies, overrides })
  const caller = as(b)
  const came = await Promise.all(Array.from({ length: 20 }, () => read(caller)))
  const passed = came.filter(({ answer }) => answer)
  expect(passed).toHaveLength(1)
  expect(came.filter((one) => reasonOf(one) === 'RESIDENCY_VIOLATION')).toHaveLength(19)
  expect(world.ledger.of(passed[0]!.answer!.decisionId)).toMatchObject({ allowed: true, overrideId: OVERRIDE })
  expect(world.grants.consumed.get(OVERRIDE)).toBe(passed[0]!.answer!.decisionId)
})

describe('a stream of resources', () => {
  async function open(id = '') {
    for (const at of ['m-1', 'm-2']) world.grants.owner.put(at, { record: { name: at, secret: 's' } })
    const stream = as(b).stream(method.watchResources, { kind: 'NodeModule', id }, bearing())
    streams.push(stream)
    await until(() => stream.answers.some(({ update }) => update.case === 'snapshotDecisionId'))
    return stream
  }
  const words = ({ answers }: Awaited<ReturnType<typeof open>>) =>
    answers.map(({ update }) => (update.case === 'resource' ? update.value.id : update.case))
  const endOf = async ({ ended }: Awaited<ReturnType<typeof open>>) => {
    const error = await ended
    return { reason: error && refusalOf(error)?.reason, decision: world.ledger.of(error && idIn(error.metadata)) }
  }

  test('tells what there is, then every change, without what no peer sees', async () => {
    const stream = await open()
    expect(words(stream)).toEqual(['m-1', 'm-2', 'snapshotDecisionId'])
    world.grants.owner.put('m-3')
    world.grants.owner.remove('m-1')
    await until(() => stream.answers.length === 5)
    expect(words(stream).slice(3)).toEqual(['m-3', 'removedId'])
    expect(JSON.stringify(stream.answers.map(({ update }) => update.case === 'resource' && update.value.record))).not.toContain('secret') // prettier-ignore
  })

  test('says that a resource is gone when it moves to where it may not be shown from, and nothing of those it never showed', async () => {
    const rules = [{ id: 'r-1', peerId: '', dataClass: 'health', allowedRegions: ['us'], mode: 'enforce' }]
    await policy({ residencyRules: { ...RULES, rules } })
    const stream = await open()
    world.grants.owner.put('hidden', { dataClass: 'health' })
    world.grants.owner.remove('hidden')
    world.grants.owner.put('m-2', { dataClass: 'health' })
    world.grants.owner.put('m-3')
    await until(() => words(stream).includes('m-3'))
    expect(words(stream).slice(3)).toEqual(['removedId', 'm-3'])
  })

  test('ends when the grant is revoked, and what comes after that is not said any more', async () => {
    const stream = await open()
    await policy({}, { revokedAtMs: 1 })
    world.grants.owner.put('m-9')
    const { reason, decision } = await endOf(stream)
    expect(reason).toBe('GRANT_INVALID')
    expect(decision).toMatchObject({ reason: 'GRANT_REVOKED', rpc: 'WatchResources' })
    expect(words(stream)).not.toContain('m-9')
    await until(() => world.grants.owner.watched === 0)
  })

  test.each<[string, () => Promise<unknown>, string]>([
    ['its bridge is suspended', () => policy(bridged('suspended')), 'SCOPE_MISMATCH'],
    ['residency forbids it', () => policy({ ...bridged('active'), residencies: [{ peerId: PEER, tag: 'us', mode: 'enforce', located: 'eu-west-1' }] }), 'RESIDENCY_VIOLATION'], // prettier-ignore
    ['its scope is taken away', () => policy(bridged('active'), { scopes: 2 }), 'SCOPE_MISMATCH'],
    ['its kind is served no more', () => policy({ ...bridged('active'), servedKinds: { kinds: [] } }), 'RESOURCE_KIND_UNKNOWN'], // prettier-ignore
    ['the peer is suspended', async () => world.registry.put({ ...route, state: PeerState.SUSPENDED }), 'PEER_SUSPENDED'], // prettier-ignore
  ])('ends when %s', async (_, takeAway, reason) => {
    await policy(bridged('active'))
    world.grants.owner.put('m-1')
    const headers = { ...bearing(), 'powernode-sdwan-network': 'net-1' }
    const stream = as(b).stream(method.watchResources, { kind: 'NodeModule' }, headers)
    streams.push(stream)
    await until(() => stream.answers.length === 2)
    await takeAway()
    expect((await endOf(stream)).reason).toBe(reason)
  })

  const bridged = (state: string): Told => ({
    bridges: [{ id: 'bridge-1', peerId: PEER, sdwanNetworkId: 'net-1', state }],
  })

  test('ends when the grant is over, though nothing tells of that', async () => {
    await policy({}, { expiresAtMs: clock.now().getTime() + 400 })
    const stream = await open()
    const { reason, decision } = await endOf(stream)
    expect([reason, decision?.reason]).toEqual(['GRANT_INVALID', 'GRANT_EXPIRED'])
  })

  test('ends when nobody vouches for the policy any more, and calls are refused until somebody does', async () => {
    const stream = await open()
    world.grants.policy.ticking = false
    expect((await endOf(stream)).reason).toBe('POLICY_STALE')
    const came = await read(as(b))
    expect(reasonOf(came)).toBe('POLICY_STALE')
    expect(world.ledger.of(idIn(came.trailer))).toMatchObject({ allowed: false, reason: 'POLICY_STALE' })
    expect(reasonOf(await as(b).outcome(method.getTrustBundle, {}))).toBe('ok') // what needs no grant goes on
    world.grants.policy.ticking = true
    await until(async () => reasonOf(await read(as(b))) === 'ok')
  })

  test('is let go of when its reader leaves', async () => {
    const stream = await open()
    stream.cancel()
    await until(() => world.grants.owner.watched === 0)
  })
})

test('two gateways of one platform decide alike, and both end what is taken away', async () => {
  const second = await startWorld({ clock, beside: world })
  world.grants.owner.put('m-1')
  const asked = { kind: 'NodeModule' }
  const open = [world, second].map((at) => as(b, b.gateway, at.door).stream(method.watchResources, asked, bearing()))
  await until(() => open.every(({ answers }) => answers.length === 2))
  await policy({}, { revokedAtMs: 1 })
  const reasons = await Promise.all(open.map(async ({ ended }) => refusalOf(await ended)?.reason))
  expect(reasons).toEqual(['GRANT_INVALID', 'GRANT_INVALID'])
  expect(reasonOf(await read(as(b, b.gateway, second.door)))).toBe('GRANT_INVALID')
  for (const caller of callers.splice(0)) caller.close()
  await second.stop()
})

test('notices of peers reach their services with our id of the peer, without a grant', async () => {
  const grantId = GRANT_ID
  const came = await as(b).outcome(method.notifyGrant, { notice: { grantId, what: 'issued', revision: 1n } })
  expect(reasonOf(came)).toBe('ok')
  expect(world.grants.notices).toEqual([`${PEER} issued`])
})
