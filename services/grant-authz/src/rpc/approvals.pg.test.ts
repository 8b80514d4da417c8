import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { ApprovalService, RequestApprovalRequestSchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { mount, PERMISSIONS } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse, startTestServer, type TestServer } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { APPROVAL_TTL_MS } from '../approval.ts'
import { NOW, PEER } from '../testing.ts'
import { NOBODY_LISTENS, planTo, REVOKE, startApprovals, type Approvals } from '../testing/approvals.ts'
import { APPROVAL_CALLERS, approvalHandlers } from './approvals.ts'

let at: Approvals
let server: TestServer
let clock: FakeClock

beforeEach(async () => {
  at = await startApprovals()
  clock = new FakeClock(NOW)
  server = startTestServer(
    mount(ApprovalService, approvalHandlers({ db: at.db, clock, operatorsFeed: NOBODY_LISTENS }), APPROVAL_CALLERS),
  )
})
afterEach(() => at.drop())

const as = (name: string) => server.clientAs(ApprovalService, { kind: 'operator', name })
/** A program whose role was given every permission. */
const bold = () => server.clientAs(ApprovalService, { kind: 'operator', name: 'bold-robot', permissions: PERMISSIONS, agent: true }) // prettier-ignore
const registry = () => server.clientAs(ApprovalService, { kind: 'service', name: 'peer-registry' })

const asking = (why = 'it left') =>
  create(RequestApprovalRequestSchema, {
    action: REVOKE, summary: 'revoke', plan: planTo(why).any, requestedBy: 'operator/robot', peerId: PEER, requestId: 'request-1',
  }) // prettier-ignore
async function requested(why?: string) {
  const { approval } = await registry().requestApproval(asking(why))
  if (!approval) throw new Error('it may be done at once')
  return approval
}

test('everybody else is refused', async () => {
  await refusesEverybodyElse(ApprovalService, APPROVAL_CALLERS, server.clientAs)
})

test('a service that acts by itself asks in its own name, and counts as an agent; in that of another it may not', async () => {
  const liveness = server.clientAs(ApprovalService, { kind: 'service', name: 'liveness' })
  const { approval } = await liveness.requestApproval({
    ...asking(),
    requestedBy: 'service/liveness',
    countsAsApproval: true,
  })
  expect(approval).toMatchObject({ state: 'pending', requestedBy: 'service/liveness', autonomous: true, votes: [] })
  await expectRefusal(
    liveness.requestApproval({ ...asking(), requestedBy: 'service/peer-registry' }),
    'OPERATOR_UNKNOWN',
  )
  await as('alice').approve({ approvalId: approval?.id ?? '', planSha256: approval?.planSha256 ?? Buffer.alloc(0) })
  expect((await liveness.listApproved({})).approvals.map(({ id }) => id)).toEqual([approval?.id])
  await as('alice').halt({ reason: 'a drill' })
  expect((await liveness.listApproved({})).approvals).toEqual([])
  await expectRefusal(liveness.requestApproval({ ...asking('x'), requestedBy: 'service/liveness' }), 'AUTONOMY_HALTED')
})

test('asked for by an owner, seen and approved by a person, carried out and reported by the owner', async () => {
  const { id, planSha256, plan } = await requested()
  expect((await as('alice').getApproval({ approvalId: id })).approval).toMatchObject({
    state: 'pending',
    plan,
    owner: 'service/peer-registry',
  })
  await as('alice').approve({ approvalId: id, planSha256, reason: 'seen' })
  expect((await registry().listApproved({})).approvals.map((one) => one.id)).toEqual([id])
  const report = { approvalId: id, succeeded: false, failureReason: 'PEER_NOT_FOUND', failureMessage: 'gone' }
  await registry().reportExecution(report)
  const { approval } = await as('alice').getApproval({ approvalId: id })
  expect(approval).toMatchObject({
    state: 'failed',
    failureReason: 'PEER_NOT_FOUND',
    votes: [{ by: 'operator/alice', reason: 'seen' }],
  })
})

describe('what lets agents do more is for people', () => {
  test('an agent may neither approve, nor set a policy, nor let agents act again, whatever its role; it may stop', async () => {
    const { id: approvalId, planSha256 } = await requested()
    await expectRefusal(bold().approve({ approvalId, planSha256 }), 'PERMISSION_MISSING')
    await expectRefusal(bold().setPolicy({ action: REVOKE, verb: 'auto_approve' }), 'PERMISSION_MISSING')
    await bold().halt({ reason: 'smoke' })
    await expectRefusal(bold().resume({}), 'PERMISSION_MISSING')
    expect((await as('alice').resume({})).autonomy).toMatchObject({ halted: false, by: 'operator/alice' })
    await bold().reject({ approvalId })
  })
})

test('no service asks for, or stands in the way of, an act that is ours to carry out', async () => {
  for (const action of ['federation.residency_override', 'sdwan.federation_peer_data_residency'])
    await expectRefusal(registry().requestApproval({ ...asking(), action }), 'CALLER_NOT_ALLOWED')
})

test('a vote is cast over a certificate of one’s own: whoever issues a token for another does not vote twice', async () => {
  const { id: approvalId, planSha256 } = await requested()
  const bySomebodyElse = { kind: 'operator', name: 'bob', heldBy: 'alice' } as const
  const client = server.clientAs(ApprovalService, bySomebodyElse)
  await expectRefusal(client.approve({ approvalId, planSha256 }), 'PERMISSION_MISSING')
})

test('a vote that comes too late is told so, and settles it', async () => {
  const { id: approvalId, planSha256 } = await requested()
  await clock.advance(APPROVAL_TTL_MS)
  await expectRefusal(as('alice').approve({ approvalId, planSha256 }), 'APPROVAL_OVER')
  expect((await as('alice').getApproval({ approvalId })).approval?.state).toBe('timed_out')
})

test('a rehearsal says what would be, and keeps nothing', async () => {
  const { id: approvalId, planSha256 } = await requested()
  expect((await as('alice').approve({ approvalId, planSha256, dryRun: true })).approval?.state).toBe('approved')
  expect((await as('alice').reject({ approvalId, dryRun: true })).approval?.state).toBe('rejected')
  expect((await as('alice').halt({ reason: 'smoke', dryRun: true })).autonomy?.halted).toBe(true)
  expect((await as('alice').setPolicy({ action: REVOKE, verb: 'blocked', dryRun: true })).policy?.verb).toBe('blocked')
  expect((await as('alice').getApproval({ approvalId })).approval).toMatchObject({ state: 'pending', votes: [] })
  expect((await as('alice').getAutonomy({})).autonomy?.halted).toBe(false)
})

test('every action of the source documents has its policy, and one is set by who may control', async () => {
  const { policies } = await as('alice').listPolicies({})
  const verbs = Object.fromEntries(policies.map(({ action, verb }) => [action, verb]))
  expect(policies.length).toBe(63)
  for (const verb of ['propose', 'accept', 'revoke', 'data_residency'])
    expect(verbs[`sdwan.federation_peer_${verb}`]).toBe('require_approval')
  expect(verbs).toMatchObject({
    'sdwan.port_mapping_delete': 'notify_and_proceed',
    'sdwan.access_grant_revoke': 'require_approval',
    'system.sdwan_vip_failover': 'require_approval',
    'system.cert_rotate': 'require_approval',
    'system.acme_cert_rotate': 'notify_and_proceed',
    'federation.ca_switch': 'require_approval',
    'system.cluster_member_promote': 'require_approval',
    'system.federation_child_terminate': 'require_approval',
    'system.federation_spawn': 'require_approval',
  })
  const { policy } = await as('alice').setPolicy({ action: REVOKE, verb: 'require_approval', approvers: 2 })
  expect(policy).toMatchObject({ approvers: 2, setBy: 'operator/alice' })
  await expectRefusal(as('alice').setPolicy({ action: 'no.such_action', verb: 'blocked' }), 'ACTION_UNKNOWN')
})

test('the newest come first, page by page, by state and by peer', async () => {
  const ids: string[] = []
  for (const why of ['one', 'two', 'three']) {
    ids.unshift((await requested(why)).id)
    await clock.advance(10)
  }
  const first = await as('alice').listApprovals({ pageSize: 2, peerId: PEER })
  const rest = await as('alice').listApprovals({ pageSize: 2, pageToken: first.nextPageToken })
  expect([...first.approvals, ...rest.approvals].map(({ id }) => id)).toEqual(ids)
  expect(rest.nextPageToken).toBe('')
  expect((await as('alice').listApprovals({ states: ['approved', 'failed'] })).approvals).toEqual([])
  await expectRefusal(as('alice').listApprovals({ states: ['done'] }), 'REQUEST_INVALID')
})

test('no page is larger than a message may be, however long the plans are: nobody can hide the queue, nor stop the owner', async () => {
  for (const n of [1, 2, 3, 4, 5, 6]) {
    const { id: approvalId, planSha256 } = await requested(`${n}${'x'.repeat(250_000)}`)
    await as('alice').approve({ approvalId, planSha256 })
  }
  const first = await as('alice').listApprovals({})
  const rest = await as('alice').listApprovals({ pageToken: first.nextPageToken })
  expect([first.approvals.length, rest.approvals.length, rest.nextPageToken]).toEqual([4, 2, ''])
  const listed = (afterId = '') =>
    registry()
      .listApproved({ afterId })
      .then((page) => page.approvals.map(({ id }) => id))
  const fitting = await listed()
  const behind = await listed(fitting.at(-1))
  expect([new Set([...fitting, ...behind]).size, fitting.length, behind.length]).toEqual([6, 4, 2])
  expect(await listed(behind.at(-1))).toEqual([])
})

test('what is not there is not found', async () => {
  await expectRefusal(as('alice').getApproval({ approvalId: PEER }), 'APPROVAL_NOT_FOUND')
  await expectRefusal(as('alice').reject({ approvalId: PEER }), 'APPROVAL_NOT_FOUND')
})
