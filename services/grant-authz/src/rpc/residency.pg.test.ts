import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampDate, timestampFromMs } from '@bufbuild/protobuf/wkt'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { Feed } from '@powernode/feed'
import { type TestDatabase, testListener } from '@powernode/postgres/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { ListDecisionsResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { GetPeerResponseSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { mount, Refusal } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openApprovalArea } from '../approvals/approval-area.ts'
import { POLICY_FEED } from '../feed/policy-part.ts'
import { policySource } from '../feed/policy.ts'
import type { Ledger } from '../ledger/past-decisions.ts'
import type { Registry } from '../reviews/ask-registry.ts'
import type { Tables } from '../store/tables.ts'
import { NOW, PEER } from '../testing.ts'
import { NOBODY_LISTENS, startApprovals } from '../testing/approvals.ts'
import { residencyExecutors } from './residency-approved.ts'
import { RESIDENCY_CALLERS, residencyHandlers } from './residency.ts'

const STRANGER = '019f0000-0000-7000-8000-00000000cafe'
const DAY_MS = 86_400_000

let database: TestDatabase<Tables>
let server: TestServer
let stopping: AbortController
let running: Promise<unknown>
/** What the ledger holds, the newest first. */
let past: Decision[]
let pagesAsked: number
/** What the ledger waits for before it answers. */
let slowly: Promise<void>
/** Where the peer says it is. */
let declared: string
const clock = new FakeClock(NOW)

const registry: Registry = {
  async getPeer({ peer: id = '' }) {
    if (id === STRANGER) throw new Refusal('PEER_NOT_FOUND', 'no such peer')
    return create(GetPeerResponseSchema, { peer: { id, dataResidency: declared } })
  },
}
const ledger: Ledger = {
  async listDecisions({ peerId = '', since, until, pageToken = '', pageSize = 0 }) {
    pagesAsked += 1
    await slowly
    const within = past.filter(({ at }) => at && since && until && inRange(at, since, until))
    const meant = within.filter((decision) => peerId === '' || decision.peerId === peerId)
    const from = Number(pageToken)
    const decisions = meant.slice(from, from + pageSize)
    const nextPageToken = from + pageSize < meant.length ? String(from + pageSize) : ''
    return create(ListDecisionsResponseSchema, { decisions, nextPageToken })
  },
}
type Moment = Parameters<typeof timestampDate>[0]
const inRange = (at: Moment, since: unknown, until: unknown) =>
  timestampDate(at) >= timestampDate(since as Moment) && timestampDate(at) < timestampDate(until as Moment)

beforeEach(async () => {
  database = await startApprovals()
  stopping = new AbortController()
  past = []
  pagesAsked = 0
  slowly = Promise.resolve()
  declared = 'eu-west-1'
  const logger = createLogger('test', { level: 'silent' })
  const schema = 'grant_authz'
  const listener = testListener({ url: database.url, schema })
  const deps = { db: database.db, listener, schema, clock, logger, metrics: createMetrics('test') }
  const policyFeed = new Feed({ ...deps, feed: POLICY_FEED, source: policySource })
  const approvals = openApprovalArea({ ...deps, operatorsFeed: NOBODY_LISTENS })
  const { gate } = approvals
  running = Promise.all([
    policyFeed.run(stopping.signal),
    ...approvals.tasks(residencyExecutors({ policyFeed })).map((task) => task(stopping.signal)),
  ])
  const handlers = residencyHandlers({ ...deps, policyFeed, gate, registry, ledger })
  server = startTestServer(mount(ResidencyService, handlers, RESIDENCY_CALLERS), approvals.mount)
})
afterEach(async () => {
  stopping.abort()
  await running
  await database.drop()
})

const alice = () => server.clientAs(ResidencyService, { kind: 'operator', name: 'alice' })
const agent = () => server.clientAs(ResidencyService, { kind: 'operator', name: 'robot', agent: true })
const gateway = () => server.clientAs(ResidencyService, { kind: 'service', name: 'federation-gateway' })

test('nobody but those whom the table names gets anywhere', async () => {
  await refusesEverybodyElse(ResidencyService, RESIDENCY_CALLERS, server.clientAs)
})

test('a tag is set, shown, and in force everywhere when the call returns', async () => {
  const { residency, enforcement } = await alice().setDataResidency({
    peerId: PEER,
    dataResidency: 'eu',
    reason: 'dpa',
  })
  expect(residency).toMatchObject({ peerId: PEER, dataResidency: 'eu', mode: 'enforce', setBy: 'operator/alice', reason: 'dpa', located: 'eu-west-1' }) // prettier-ignore
  expect(enforcement?.by).toMatch(/^(acknowledged|lease)$/) // the latter on a busy machine
  expect(enforcement?.epoch).toBeGreaterThan(0n)
  expect((await alice().listResidencies({})).residencies).toEqual([residency])
  expect((await alice().listResidencies({ peerId: STRANGER })).residencies).toEqual([])
  await expectRefusal(alice().listResidencies({ peerId: 'b' }), 'PEER_NOT_FOUND')
})

test('the place that the peer declares is pinned with the tag; who expects another is told, and pins nothing', async () => {
  const said = { peerId: PEER, dataResidency: 'eu' }
  declared = 'us-east-1'
  const refusal = await expectRefusal(alice().setDataResidency({ ...said, located: 'eu-west-1' }), 'REQUEST_INVALID')
  expect(refusal.metadata).toEqual({ declared: 'us-east-1', located: 'eu-west-1' })
  expect((await alice().listResidencies({})).residencies).toEqual([])
  expect((await alice().setDataResidency(said)).residency?.located).toBe('us-east-1')
  declared = 'eu-west-1'
  expect((await alice().listResidencies({})).residencies).toMatchObject([{ located: 'us-east-1' }])
  expect((await alice().setDataResidency(said)).residency?.located).toBe('eu-west-1')
  expect((await alice().setDataResidency({ peerId: PEER })).residency?.located).toBe('')
})

test('peers are listed page by page, each once', async () => {
  const ids = Array.from({ length: 5 }, (_, n) => `${STRANGER.slice(0, -1)}${n}`)
  for (const peerId of ids) await alice().setDataResidency({ peerId, dataResidency: 'eu' })
  const seen: string[][] = []
  for (let pageToken = ''; ;) {
    const page = await alice().listResidencies({ pageSize: 2, pageToken })
    seen.push(page.residencies.map(({ peerId }) => peerId))
    pageToken = page.nextPageToken
    if (pageToken === '') break
  }
  expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)])
  await expectRefusal(alice().listResidencies({ pageToken: 'x' }), 'PAGE_TOKEN_INVALID')
})

test('a peer that the registry does not know gets no tag and no override: it would protect nobody', async () => {
  await expectRefusal(alice().setDataResidency({ peerId: STRANGER, dataResidency: 'eu' }), 'PEER_NOT_FOUND')
  const said = { peerId: STRANGER, resourceKind: 'NodeModule', reason: 'x' }
  await expectRefusal(alice().createOverride(said), 'PEER_NOT_FOUND')
})

test('a rehearsal answers as the act would, and changes nothing', async () => {
  const { residency, enforcement } = await agent().setDataResidency({ peerId: PEER, dataResidency: 'eu', dryRun: true })
  expect([residency?.dataResidency, enforcement]).toEqual(['eu', undefined])
  await expectRefusal(alice().setDataResidency({ peerId: PEER, dataResidency: 'EU', dryRun: true }), 'REGION_UNKNOWN')
  await alice().setRegion({ name: 'mars', dryRun: true })
  expect((await alice().listResidencies({})).residencies).toEqual([])
  await expectRefusal(alice().setDataResidency({ peerId: PEER, dataResidency: 'mars' }), 'REGION_UNKNOWN')
})

test('an agent has to be approved, for a tag and for an override', async () => {
  const { metadata } = await expectRefusal(
    agent().setDataResidency({ peerId: PEER, dataResidency: 'eu' }),
    'APPROVAL_REQUIRED',
  )
  expect(metadata['action']).toBe('sdwan.federation_peer_data_residency')
  const override = { peerId: PEER, resourceKind: 'NodeModule', reason: 'x' }
  const asked = await expectRefusal(agent().createOverride(override), 'APPROVAL_REQUIRED')
  expect(asked.metadata['action']).toBe('federation.residency_override')
  expect((await alice().listResidencies({})).residencies).toEqual([])
  expect((await alice().listOverrides({})).overrides).toEqual([])
})

test('what an agent asked for is done in its name once a person approved it, and only what can be done is asked', async () => {
  await expectRefusal(agent().setDataResidency({ peerId: PEER, dataResidency: 'EU' }), 'REGION_UNKNOWN')
  const said = { peerId: PEER, resourceKind: 'NodeModule', reason: 'x', ttl: durationFromMs(1) }
  await expectRefusal(agent().createOverride(said), 'OVERRIDE_TTL_OUT_OF_RANGE')
  const asked = expectRefusal(agent().setDataResidency({ peerId: PEER, dataResidency: 'ch' }), 'APPROVAL_REQUIRED')
  const { metadata } = await asked
  const approvals = server.clientAs(ApprovalService, { kind: 'operator', name: 'alice' })
  const { approval } = await approvals.getApproval({ approvalId: metadata['approval_id'] ?? '' })
  expect(approval?.summary).toBe(`data that goes to peer ${PEER} has to stay in ch`)
  expect(approval?.effects).toContain('accepted as its place: "eu-west-1"')
  declared = 'ch' // what is approved is what was read, not what the peer says by then
  await approvals.approve({ approvalId: approval?.id ?? '', planSha256: approval?.planSha256 ?? new Uint8Array() })
  const tags = async () => (await alice().listResidencies({})).residencies.map(({ dataResidency, setBy, located }) => [dataResidency, setBy, located]) // prettier-ignore
  await until(async () => {
    await clock.advance(1_000)
    return (await tags()).length > 0
  })
  expect(await tags()).toEqual([['ch', 'operator/robot', 'eu-west-1']])
})

test('rules, regions and the default are set, shown and removed; each answer says that it is in force', async () => {
  const client = alice()
  const region = await client.setRegion({ name: 'fr-par-1', parent: 'eu' })
  const said = { dataClass: 'personal', allowedRegions: ['fr-par-1'], mode: 'enforce' }
  const { rule, enforcement } = await client.setResidencyRule({ rule: said })
  const mode = await client.setDefaultMode({ mode: 'enforce', homeRegion: 'eu' })
  for (const answer of [region, { enforcement }, mode]) expect(answer.enforcement?.epoch).toBeGreaterThan(0n)
  const { rules } = await client.getResidencyRules({})
  expect(rules).toMatchObject({ defaultMode: 'enforce', homeRegion: 'eu', rules: [rule] })
  expect(rules?.regions).toContainEqual(expect.objectContaining({ name: 'fr-par-1', parent: 'eu' }))
  await expectRefusal(client.removeRegion({ name: 'fr-par-1' }), 'REGION_IN_USE')
  expect((await client.removeResidencyRule({ ruleId: rule?.id ?? '' })).enforcement?.epoch).toBeGreaterThan(0n)
  expect((await client.removeRegion({ name: 'fr-par-1' })).enforcement?.epoch).toBeGreaterThan(0n)
  await expectRefusal(client.removeResidencyRule({ ruleId: rule?.id ?? '' }), 'RESIDENCY_RULE_NOT_FOUND')
})

test.each([`'; drop table peer`, 'x'])('an id that is none never reaches the database: %s', async (id) => {
  const rule = { dataClass: 'personal', allowedRegions: ['eu'], mode: '' }
  await expectRefusal(alice().setResidencyRule({ rule: { ...rule, id } }), 'REQUEST_INVALID')
  await expectRefusal(alice().setResidencyRule({ rule: { ...rule, peerId: id } }), 'REQUEST_INVALID')
  await expectRefusal(alice().listOverrides({ peerId: id }), 'PEER_NOT_FOUND')
  await expectRefusal(alice().listOverrides({ pageToken: id }), 'PAGE_TOKEN_INVALID')
})

test('an override is made, listed, used by the gateway alone, and said to be used', async () => {
  const { override } = await alice().createOverride({ peerId: PEER, resourceKind: 'NodeModule', reason: 'audit' })
  expect(override).toMatchObject({ status: 'open', createdBy: 'operator/alice', resourceId: '' })
  const said = { overrideId: override?.id ?? '', decisionId: STRANGER }
  await expectRefusal(alice().consumeOverride(said), 'CALLER_NOT_ALLOWED')
  expect((await gateway().consumeOverride({ ...said, overrideId: said.overrideId.toUpperCase() })).consumed).toBe(true)
  const { overrides } = await alice().listOverrides({ peerId: PEER })
  expect(overrides).toMatchObject([{ status: 'used', decisionId: STRANGER }])
  expect((await alice().revokeOverride({ overrideId: said.overrideId })).override?.status).toBe('used')
})

describe('what if', () => {
  const aDecision = (n: number, said: object = {}): Decision =>
    create(DecisionSchema, {
      id: `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`,
      peerId: PEER,
      direction: 'in',
      at: timestampFromMs(NOW.getTime() - n * 1_000),
      allowed: true,
      reason: 'ALLOWED',
      dataClass: 'personal',
      resourceRegion: 'eu',
      destinationRegion: n % 2 === 0 ? 'eu-west-1' : 'us-east-1',
      ...said,
    })
  const rule = { dataClass: 'personal', allowedRegions: ['eu'], mode: 'enforce' }

  test('shows which calls a rule would have refused, the newest first, with the reason they would have had', async () => {
    past = [1, 2, 3, 4].map((n) => aDecision(n))
    const answer = await alice().whatIf({ rule })
    expect(answer).toMatchObject({ lookedAt: 4, wouldBeRefused: 2, wouldBeAllowed: 0 })
    expect(answer.changed).toMatchObject(
      [past[0], past[2]].map((decision) => ({
        id: decision?.id,
        allowed: false,
        reason: 'RESIDENCY_VIOLATION',
        axis: 'residency',
        residencyRuleId: 'tried',
      })),
    )
    expect((await alice().getResidencyRules({})).rules?.rules).toEqual([])
  })

  test('shows which a tag would let through, and leaves what was refused for another reason', async () => {
    await alice().setDataResidency({ peerId: PEER, dataResidency: 'eu' })
    const refused = { allowed: false, reason: 'RESIDENCY_VIOLATION', axis: 'residency' }
    past = [
      aDecision(1, refused),
      aDecision(3, { allowed: false, reason: 'GRANT_EXPIRED', axis: 'lifetime' }),
      aDecision(5, { overrideId: STRANGER }),
      aDecision(2),
    ]
    declared = 'us-east-1' // a tag that is tried pins what a tag that is set would pin
    const answer = await alice().whatIf({ residency: { peerId: PEER, tag: 'us', mode: 'enforce' } })
    expect(answer).toMatchObject({ lookedAt: 4, wouldBeRefused: 1, wouldBeAllowed: 1 })
    expect(answer.changed).toMatchObject([
      { id: past[0]?.id, allowed: true, reason: 'ALLOWED', axis: '' },
      { id: past[3]?.id, allowed: false, reason: 'RESIDENCY_VIOLATION' },
    ])
  })

  test('can try a rule in place of another, and for one peer only', async () => {
    const { rule: stored } = await alice().setResidencyRule({ rule })
    past = [1, 2].map((n) => aDecision(n, n === 1 ? { allowed: false, reason: 'RESIDENCY_VIOLATION' } : {}))
    const wider = { ...rule, id: stored?.id ?? '', allowedRegions: ['eu', 'us'] }
    expect(await alice().whatIf({ rule: wider })).toMatchObject({ wouldBeAllowed: 1, wouldBeRefused: 0 })
    expect(await alice().whatIf({ rule: wider, peerId: STRANGER })).toMatchObject({ lookedAt: 0 })
    await expectRefusal(alice().whatIf({ rule: { ...rule, id: STRANGER } }), 'RESIDENCY_RULE_NOT_FOUND')
  })

  test('refuses what could not be set either', async () => {
    await expectRefusal(alice().whatIf({ rule: { ...rule, allowedRegions: ['EU'] } }), 'REGION_UNKNOWN')
    await expectRefusal(alice().whatIf({ residency: { peerId: PEER, tag: 'eu-wset' } }), 'REGION_UNKNOWN')
    await expectRefusal(alice().whatIf({ residency: { peerId: STRANGER, tag: 'eu' } }), 'PEER_NOT_FOUND')
    await expectRefusal(alice().whatIf({ since: durationFromMs(31 * DAY_MS) }), 'REQUEST_INVALID')
  })

  test('looks at many pages, keeps a hundred, and counts them all', async () => {
    past = Array.from({ length: 12_000 }, (_, n) => aDecision(n + 1, { destinationRegion: 'us' }))
    const answer = await alice().whatIf({ rule })
    expect([answer.lookedAt, answer.wouldBeRefused, answer.changed.length, pagesAsked]).toEqual([
      12_000, 12_000, 100, 3,
    ])
    expect(answer.changed[0]?.id).toBe(past[0]?.id)
  })

  test('looks back as far as was said, thirty days unless it was', async () => {
    past = [1, 20, 29, 31].map((days) => aDecision(days, { at: timestampFromMs(NOW.getTime() - days * DAY_MS) }))
    expect((await alice().whatIf({})).lookedAt).toBe(3)
    expect((await alice().whatIf({ since: durationFromMs(10 * DAY_MS) })).lookedAt).toBe(1)
  })
})

describe('what loosens a tag falls under the policy of the tag', () => {
  const id = '019f0000-0000-7000-8000-00000000abcd'
  test.each([
    ['a region put into the one of the tag', () => agent().setRegion({ name: 'us-east-1', parent: 'eu' })],
    ['a rule', () => agent().setResidencyRule({ rule: { dataClass: '*', allowedRegions: ['us'], mode: 'off' } })],
    ['the default', () => agent().setDefaultMode({ mode: 'off' })],
    ['a region gone', () => agent().removeRegion({ name: 'no' })],
  ])('%s, by an agent, waits for a person', async (_, asks) => {
    const before = await agent().getResidencyRules({})
    await expectRefusal(asks(), 'APPROVAL_REQUIRED')
    expect(await agent().getResidencyRules({})).toEqual(before)
  })

  test('what cannot be done is refused before anybody is asked', async () => {
    await expectRefusal(agent().removeResidencyRule({ ruleId: id }), 'RESIDENCY_RULE_NOT_FOUND')
    await expectRefusal(agent().setRegion({ name: 'x', parent: 'atlantis' }), 'REGION_UNKNOWN')
  })

  test('it is carried out once a person has approved it', async () => {
    const { metadata } = await expectRefusal(
      agent().setRegion({ name: 'us-east-1', parent: 'eu' }),
      'APPROVAL_REQUIRED',
    )
    const alice = server.clientAs(ApprovalService, { kind: 'operator', name: 'alice' })
    await alice.approve({
      approvalId: metadata['approval_id']!,
      planSha256: Buffer.from(metadata['plan_sha256'] ?? '', 'hex'),
    })
    await until(async () => {
      await clock.advance(500)
      const { rules } = await agent().getResidencyRules({})
      return rules?.regions.find(({ name }) => name === 'us-east-1')?.parent === 'eu'
    })
  })
})

test('so many at a time may ask what a rule would have done: a viewer who asks and asks does not keep the ledger busy', async () => {
  past = [create(DecisionSchema, { id: STRANGER, peerId: PEER, at: timestampFromMs(NOW.getTime() - 1_000) })]
  const { promise: asked, resolve: letGo } = Promise.withResolvers<void>()
  slowly = asked
  const viewer = server.clientAs(ResidencyService, { kind: 'operator', name: 'vera' })
  const underway = [viewer.whatIf({}), viewer.whatIf({})]
  await until(async () => pagesAsked === 2)
  await expectRefusal(viewer.whatIf({}), 'RATE_LIMITED')
  letGo()
  expect((await Promise.all(underway)).map(({ lookedAt }) => lookedAt)).toEqual([1, 1])
  expect((await viewer.whatIf({})).lookedAt).toBe(1)
})
