import { randomUUID } from 'node:crypto'
import type { CallOptions, Client } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { BEARER, GRANT, PEER } from '@powernode/policy/testing'
import { createLogger } from '@powernode/process'
import { Health, HealthCheckResponse_ServingStatus as Status } from '@powernode/proto/grpc/health/v1/health_pb.ts'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { FederationService } from '@powernode/proto/powernode/federation/v1/service_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { openTransport, createClient, Refusal, refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { Caller, type Outcome } from './caller.ts'
import { routeTo } from './platform.ts'
import { CLEARED } from './policy-world.ts'
import { metric, startWorld, until, type World } from './world.ts'

/** Two gateways of two platforms: alice, of a, asks b for its resources, and each writes down what it has to. */
let a: World
let b: World
let toB: PeerRoute
let alice: Client<typeof FederationService>
let health: Client<typeof Health>
let caller: Caller

const { method } = FederationService
const M1 = { kind: 'NodeModule', id: 'm-1' }

beforeAll(async () => {
  ;[a, b] = await Promise.all([startWorld(), startWorld({ trustDomain: 'b.example' })])
  const { dir: tlsDir } = await a.platform.identity('operator', 'alice')
  const address = { host: '127.0.0.1', port: a.inner }
  const logger = createLogger('test', { level: 'silent' })
  const road = { address, server: 'federation-gateway', trustDomain: 'a.example', tlsDir, clock: systemClock, logger }
  const transport = openTransport(road, a.signal)
  alice = createClient(FederationService, transport)
  health = createClient(Health, transport)
  const endpoints = [{ url: `https://127.0.0.1:${b.door}/`, scope: EndpointScope.WAN, priority: 1, cidrHint: '' }]
  toB = routeTo(b.platform, { endpoints, dataResidency: 'eu' })
  a.registry.put(toB)
  b.registry.put(routeTo(a.platform, { peerId: PEER, dataResidency: 'eu' }))
  await until(async () => (await metric(a, 'fed_gateway_peers')) === 1 && (await metric(b, 'fed_gateway_peers')) === 1)
  caller = new Caller(b.door, a.platform.gateway, 'a.example')
})
afterAll(async () => {
  caller.close()
  await Promise.all([a.stop(), b.stop()])
})
beforeEach(async () => {
  a.ledger.answering = true
  b.ledger.turnsAway = () => undefined
  b.grants.owner.meanwhile = () => {}
  b.grants.owner.put('m-1', { record: { name: 'one' } })
  await granted()
  await until(async () => alice.getResource(M1, asking()).then(() => true, () => false)) // prettier-ignore
})

/** b grants a everything for an hour, but for what a test says. */
async function granted(some: Partial<typeof GRANT> = {}): Promise<void> {
  const nowMs = systemClock.now().getTime()
  const served = { service: 'service/grant-authz', address: `127.0.0.1:${b.at['grant-authz']}`, writable: true }
  const times = { notBeforeMs: nowMs - 1_000, expiresAtMs: nowMs + 3_600_000 }
  b.grants.tell(CLEARED, {
    servedKinds: { kinds: [{ kind: 'NodeModule', dataClass: 'catalogue', ...served }] },
    grants: [{ ...GRANT, resourceId: '', scopes: 3, ...times, ...some }],
  })
}

const asking = (): CallOptions => ({ headers: { 'powernode-peer-id': toB.peerId, 'powernode-grant': BEARER } })
const asked = (headers: Record<string, string> = {}) =>
  caller.outcome(method.checkAccess, { ...M1, scope: 'read' }, { authorization: `Bearer ${BEARER}`, ...headers })
const said = ({ trailer }: Outcome<unknown>, name: string) => trailer.get(`powernode-${name}`).map(String)
const ofCall = (world: World, contentId: string) =>
  world.ledger.entries.filter((entry) => entry.contentId === contentId)

describe('one call, as both sides write it down', () => {
  test('carries one id, which its caller gave to it; its caller says that it left before the other side hears of it', async () => {
    let atArrival: string[] = []
    b.grants.owner.meanwhile = () => {
      atArrival = a.ledger.entries.slice(-1).map(({ action }) => action)
    }
    const { decisionId } = await alice.getResource(M1, asking())
    expect(atArrival).toEqual(['federation.call.sent'])
    expect(ofCall(a, decisionId).map(({ action, direction }) => `${action} ${direction}`)).toEqual([
      'federation.call.sent out',
      'federation.call.allowed out',
    ])
    expect(ofCall(b, decisionId)).toMatchObject([{ action: 'federation.call.allowed', direction: 'in', log: PEER }])
    expect(ofCall(b, decisionId)[0]?.id).toBe(ofCall(a, decisionId)[1]?.remoteId)
  })

  test('and when the answer is no, too', async () => {
    const refusal = await expectRefusal(alice.checkAccess({ ...M1, scope: 'admin' }, asking()), 'PEER_REFUSED')
    const id = refusal.metadata['decision_id'] ?? ''
    expect(ofCall(a, id).map(({ action }) => action)).toEqual(['federation.call.sent', 'federation.call.refused'])
    expect(ofCall(b, id).map(({ action }) => action)).toEqual(['federation.call.refused'])
  })

  test('what is not on record does not leave', async () => {
    const before = b.ledger.entries.length
    a.ledger.answering = false
    await expectRefusal(alice.getResource(M1, asking()), 'RECORD_UNAVAILABLE')
    expect(b.ledger.entries.length).toBe(before)
  })

  test('what leaves twice is said to leave twice, and comes to one end', async () => {
    let times = 0
    b.grants.owner.meanwhile = () => {
      if (++times === 1) throw new Refusal('SERVICE_UNAVAILABLE', 'not now')
    }
    const { decisionId } = await alice.getResource(M1, asking())
    expect(ofCall(a, decisionId).map(({ action }) => action.slice(16))).toEqual(['sent', 'sent', 'allowed'])
    expect(new Set(ofCall(a, decisionId).map(({ id }) => id)).size).toBe(3)
    expect(ofCall(b, decisionId)).toHaveLength(2)
  })

  test('the end of a stream is a later word on it: the call is told once on each side', async () => {
    const told: unknown[] = []
    const read = async () => {
      for await (const { update } of alice.watchResources({ kind: 'NodeModule' }, asking())) told.push(update.case)
    }
    const ended = read().then(
      () => undefined,
      (error: unknown) => refusalOf(error),
    )
    await until(() => told.includes('snapshotDecisionId'))
    const begun = a.ledger.decisions.at(-1)?.id ?? ''
    await granted({ revokedAtMs: 1 })
    const id = (await ended)?.metadata['decision_id'] ?? ''
    expect(ofCall(a, begun).map(({ action }) => action.slice(16))).toEqual(['sent', 'allowed'])
    expect(ofCall(b, begun).map(({ action }) => action.slice(16))).toEqual(['allowed'])
    expect(a.ledger.entries.find((entry) => entry.id === id)).toMatchObject({ contentId: '', decisionId: id })
    const theirs = a.ledger.of(id)?.remoteDecisionId
    expect(b.ledger.entries.find((entry) => entry.id === theirs)).toMatchObject({ contentId: '', decisionId: theirs })
  })
})

describe('what a caller says and hears', () => {
  test('an id of its own for the call is taken when it is one; else ours stands for it', async () => {
    const id = randomUUID()
    const given = await asked({ 'powernode-content-id': id.toUpperCase() })
    expect(ofCall(b, id).map((entry) => entry.decisionId)).toEqual(said(given, 'decision-id'))
    for (const none of [undefined, 'x'.repeat(36), `${id} or 1=1`]) {
      const came = await asked(none === undefined ? {} : { 'powernode-content-id': none })
      const [decisionId = ''] = said(came, 'decision-id')
      expect(ofCall(b, decisionId).map((entry) => entry.id)).toEqual([decisionId])
    }
  })

  test('each answer and each refusal says where it is written down', async () => {
    for (const scope of ['read', 'admin']) {
      const authorization = `Bearer ${BEARER}`
      const came = await caller.outcome(method.checkAccess, { ...M1, scope }, { authorization })
      const [place = ''] = said(came, 'ledger-sequence')
      expect(b.ledger.entries[Number(place)]?.id).toBe(said(came, 'decision-id')[0])
      expect(said(came, 'receipt-bin')).toEqual([])
    }
  })

  test('whoever wants the proof along with the answer gets it', async () => {
    const came = await asked({ 'powernode-receipt': 'proof' })
    expect(said(came, 'receipt-bin')).toEqual([`proof of ${said(came, 'decision-id')[0]}`])
  })

  test('an answer comes without a proof that cannot be had', async () => {
    b.ledger.proves = false
    const came = await asked({ 'powernode-receipt': 'proof' })
    b.ledger.proves = true
    expect([came.error, said(came, 'receipt-bin')]).toEqual([undefined, []])
    expect(said(came, 'ledger-sequence')).toHaveLength(1)
  })
})

describe('when nothing can be written down', () => {
  const state = async () => (await health.check({ service: FederationService.typeName })).status

  test('a log on hold refuses the calls of its peer, who is not told why', async () => {
    b.ledger.turnsAway = ({ log }) => (log === PEER ? 'LOG_ON_HOLD' : undefined)
    const { error } = await asked()
    expect(refusalOf(error)?.reason).toBe('RECORD_UNAVAILABLE')
    expect(error?.details).not.toMatch(/hold/)
    expect(await metric(b, 'fed_gateway_unrecorded_total', { why: 'LOG_ON_HOLD' })).toBe(1)
    const warned = b.logged().filter(({ reason }) => reason === 'LOG_ON_HOLD')
    expect(warned).toMatchObject([{ peer_id: PEER, msg: expect.stringMatching(/on hold/) }])
    b.ledger.turnsAway = () => undefined
    expect((await asked()).error).toBeUndefined()
  })

  test('the gateway says that it is not well while its ledger says so, and is when it is again', async () => {
    expect(await state()).toBe(Status.SERVING)
    a.ledger.health.set(AuditLedgerService.typeName, false)
    await until(async () => (await state()) === Status.NOT_SERVING)
    expect(await metric(a, 'fed_gateway_ledger_writable')).toBe(0)
    a.ledger.health.set(AuditLedgerService.typeName, true)
    await until(async () => (await state()) === Status.SERVING)
    expect(await metric(a, 'fed_gateway_ledger_writable')).toBe(1)
  })

  test('and when it cannot be reached', async () => {
    a.ledger.health.stop()
    await until(async () => (await state()) === Status.NOT_SERVING)
  })
})
