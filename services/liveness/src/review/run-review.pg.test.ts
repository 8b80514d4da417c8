import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createClient, createRouterTransport, type ServiceImpl } from '@connectrpc/connect'
import { FakeClock } from '@powernode/clock/testing'
import { createLogger, createMetrics } from '@powernode/process'
import { AuditLedgerService } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { CertificateAuthorityService } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { CapabilitySchema, GrantAuthzService, GrantSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { NoticeService } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerKind, PeerSchema, PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyService } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { VersionService } from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { TestDatabase } from '@powernode/postgres/testing'
import { mount, Refusal } from '@powernode/rpc'
import { expectRefusal, partly, startTestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { announced, livenessDatabase } from '../operations/testing.ts'
import { GOVERNANCE_CALLERS, governanceHandlers } from '../rpc/governance.ts'
import type { Tables } from '../store/tables.ts'
import { reviewIfDue } from './review-loop.ts'

const DAY = 86_400_000
const PEER = '01980000-0000-7000-8000-00000000000b'
const clock = new FakeClock()
const now = clock.now()
const inDays = (count: number) => timestampFromDate(new Date(now.getTime() + count * DAY))

type World = {
  registry: Partial<ServiceImpl<typeof PeerRegistryService>>
  grants: Partial<ServiceImpl<typeof GrantAuthzService>>
  ledger: Partial<ServiceImpl<typeof AuditLedgerService>>
}

const aGrant = (id: string, said: object = {}) =>
  create(GrantSchema, {
    id,
    peerId: PEER,
    remoteSubject: 'operator@b',
    resourceKind: 'NodeModule',
    scopes: ['read', 'write'],
    issuedAt: inDays(-40),
    expiresAt: inDays(300),
    status: 'active',
    ...said,
  })
const peer = create(PeerSchema, {
  id: PEER,
  state: PeerState.ACTIVE,
  kind: PeerKind.PLATFORM,
  extensionSlugs: ['trading'],
})
const call = (grantId: string, scope: string, allowed = true) => create(DecisionSchema, { peerId: PEER, grantId, scope, allowed, direction: 'in' }) // prettier-ignore

const WORLD: World = {
  registry: { listPeers: () => ({ peers: [peer] }) },
  grants: {
    listGrants: ({ statuses, pageToken, archivedAfter }) => {
      if (statuses[0] === 'archived') return { grants: archivedAfter ? [aGrant('gone')] : [] }
      return pageToken === '' ? { grants: [aGrant('one')], nextPageToken: '2' } : { grants: [aGrant('two', { scopes: ['read', 'admin'] })] } // prettier-ignore
    },
    listCapabilities: () => ({ capabilities: [] }),
  },
  ledger: {
    listDecisions: ({ pageToken }) =>
      pageToken === '' ? { decisions: [call('one', 'read'), call('two', 'read')], nextPageToken: '2' } : { decisions: [call('one', 'write', false), call('other', 'admin')] }, // prettier-ignore
  },
}

let database: TestDatabase<Tables>
let world: World
let deps: GovernanceDeps
let door: ReturnType<typeof startTestServer>
beforeEach(async () => {
  database = await livenessDatabase()
  world = { ...WORLD }
  const transport = createRouterTransport(({ service }) => {
    service(PeerRegistryService, partly(PeerRegistryService, { listPeers: (...said) => world.registry.listPeers!(...said) })) // prettier-ignore
    service(GrantAuthzService, partly(GrantAuthzService, {
      listGrants: (...said) => world.grants.listGrants!(...said),
      listCapabilities: (...said) => world.grants.listCapabilities!(...said),
    })) // prettier-ignore
    service(AuditLedgerService, partly(AuditLedgerService, { listDecisions: (...said) => world.ledger.listDecisions!(...said) })) // prettier-ignore
  })
  deps = {
    db: database.db,
    clock,
    logger: createLogger('reviews', { level: 'silent' }),
    metrics: createMetrics('reviews'),
    owners: {
      registry: createClient(PeerRegistryService, transport),
      authority: createClient(CertificateAuthorityService, transport),
      notices: createClient(NoticeService, transport),
      versions: createClient(VersionService, transport),
      grants: createClient(GrantAuthzService, transport),
      residency: createClient(ResidencyService, transport),
      ledger: createClient(AuditLedgerService, transport),
    },
    feed: { peers: new Map(), isComplete: () => true },
  }
  door = startTestServer(mount(GovernanceService, governanceHandlers(deps), GOVERNANCE_CALLERS))
})
afterEach(async () => {
  door.stop()
  await database.drop()
})

const alice = () => door.clientAs(GovernanceService, { kind: 'operator', name: 'alice' })
const weekly = (began = clock.now()) => reviewIfDue(deps, began, new AbortController().signal)
const news = async () => (await announced(database.db)).map(({ kind, severity }) => `${kind} ${severity}`)

test('a review names what is there, suggests what to do, and is news list by list', async () => {
  const { review } = await alice().runReview({})
  expect(review).toMatchObject({ trigger: 'on_demand', requestedBy: 'operator/alice', unread: [], findingCount: 4 })
  const items = Object.fromEntries(review!.lists.map(({ key, items: all }) => [key, all.map(({ subject, command }) => `${subject}: ${command}`)])) // prettier-ignore
  expect(items).toEqual({
    cert_rotation_candidates: [],
    grants_approaching_expiry: [],
    grants_overdue_for_review: [],
    broad_scope_grants: ['two: fedctl grant update two --scope read'],
    capability_drift: [`trading: fedctl capability list --peer ${PEER}`],
    unused_grants: ['one: fedctl grant update one --scope read', 'two: fedctl grant update two --scope read'],
  })
  expect(await news()).toEqual([
    'federation.review.broad_scope_grants MEDIUM',
    'federation.review.capability_drift MEDIUM',
    'federation.review.unused_grants MEDIUM',
    'federation.manager.review_completed MEDIUM',
  ])
  const [broad] = await announced(database.db)
  expect(broad?.payload).toMatchObject({ key: 'broad_scope_grants', count: 1, reviewId: review!.id, sample: [{ subject: 'two' }] }) // prettier-ignore
  expect(await alice().getReview({})).toEqual({ $typeName: 'powernode.liveness.v1.GetReviewResponse', review })
})

test('a rehearsal is answered and kept nowhere', async () => {
  await expectRefusal(alice().getReview({}), 'REVIEW_NOT_FOUND')
  const { review } = await alice().runReview({ dryRun: true })
  expect(review).toMatchObject({ id: '', findingCount: 4 })
  await expectRefusal(alice().getReview({}), 'REVIEW_NOT_FOUND')
  await expectRefusal(alice().getReview({ id: PEER }), 'REVIEW_NOT_FOUND')
  expect(await news()).toEqual([])
})

test('reviews are listed page by page, the newest first and without their items; what was archived since the one before is counted', async () => {
  const ids: string[] = []
  for (let at = 0; at < 3; at++) {
    const { review } = await alice().runReview({})
    ids.push(review!.id)
    await clock.advance(1_000)
  }
  const first = await alice().listReviews({ pageSize: 2 })
  expect(first.reviews.map(({ id }) => id)).toEqual([ids[2], ids[1]])
  expect(first.reviews[0]!.lists.map(({ key, count, items }) => [key, count, items.length])).toContainEqual(['unused_grants', 2, 0]) // prettier-ignore
  const second = await alice().listReviews({ pageSize: 2, pageToken: first.nextPageToken })
  expect(second.reviews.map(({ id, archivedGrants }) => [id, archivedGrants])).toEqual([[ids[0], 0]])
  expect(first.reviews.map(({ archivedGrants }) => archivedGrants)).toEqual([1, 1])
  expect(second.nextPageToken).toBe('')
})

test('who does not answer is named, and what needed it is left out', async () => {
  world.ledger = { listDecisions: () => Promise.reject(new Refusal('SERVICE_UNAVAILABLE', 'away')) }
  const { review } = await alice().runReview({})
  expect(review?.unread).toEqual(['audit-ledger'])
  expect(review?.lists.map(({ key }) => key)).not.toContain('unused_grants')
  expect(review?.lists.find(({ key }) => key === 'broad_scope_grants')?.count).toBe(1)
})

test('of a peer that calls all day no more is read than a part, and of grants not seen in it nothing is said', async () => {
  let pages = 0
  world.ledger = {
    listDecisions: () => {
      pages += 1
      return { decisions: [call('one', 'read'), call('one', 'write')], nextPageToken: 'more' }
    },
  }
  const unused = async () =>
    (await alice().runReview({})).review?.lists.find(({ key }) => key === 'unused_grants')?.items
  expect(await unused()).toEqual([])
  expect(pages).toBe(10)
  pages = 0
  world.grants = { ...WORLD.grants, listGrants: () => ({ grants: [aGrant('one')] }) }
  expect(await unused()).toEqual([])
  expect(pages, 'everything was seen on the first page').toBe(1)
})

test('once a week by itself, when there is anybody to review; a restart neither misses one nor makes it twice', async () => {
  world.registry = { listPeers: () => ({ peers: [] }) }
  expect(await weekly()).toBe(false)
  world.registry = WORLD.registry
  expect(await weekly()).toBe(true)
  expect(await weekly()).toBe(false)
  await clock.advance(7 * DAY - 1)
  expect(await weekly()).toBe(false)
  await clock.advance(1)
  expect(await weekly()).toBe(true)
  const { reviews } = await alice().listReviews({})
  expect(reviews.map(({ trigger, requestedBy }) => [trigger, requestedBy])).toEqual([
    ['weekly', 'service/liveness'],
    ['weekly', 'service/liveness'],
  ])
})

test('the weekly review waits a day for who does not answer, and then says who was missing', async () => {
  world.grants = { ...WORLD.grants, listGrants: () => Promise.reject(new Refusal('SERVICE_UNAVAILABLE', 'away')) }
  const began = clock.now()
  expect(await weekly(began)).toBe(false)
  await clock.advance(DAY)
  expect(await weekly(began)).toBe(true)
  expect((await alice().getReview({})).review).toMatchObject({ trigger: 'weekly', unread: ['grant-authz'] })
})

test('what is older than anybody compares is forgotten', async () => {
  await alice().runReview({})
  await clock.advance(401 * DAY)
  world.registry = { listPeers: () => ({ peers: [] }) }
  await weekly()
  expect((await alice().listReviews({})).reviews).toEqual([])
})

test('a capability that is set is no drift', async () => {
  world.grants = { ...WORLD.grants, listCapabilities: () => ({ capabilities: [create(CapabilitySchema, { peerId: PEER })] }) } // prettier-ignore
  const { review } = await alice().runReview({})
  expect(review?.lists.find(({ key }) => key === 'capability_drift')?.count).toBe(0)
})
