import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createGate, executeApproved, planSha256, type ApprovalClient, type Directory } from '@powernode/approvals'
import {
  ApprovalSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
  type RequestApprovalRequest,
} from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { until } from '@powernode/events/testing'
import { executorsOf } from '../approvals/executors.ts'
import { driveRuns } from '../runs/drive-runs.ts'
import { idOf, NetworkWorld } from '../testing/network-world.ts'
import { hub, spoke } from '../testing/run-world.ts'

/** What grant-authz was asked for, and which of its policies demand that somebody approves. */
const asked: RequestApprovalRequest[] = []
const demanding = new Set<string>()
const policies: Directory = {
  policyOf: (action) => ({ verb: demanding.has(action) ? 'require_approval' : 'auto_approve', approvers: 2 }),
  autonomy: undefined,
  approvedFor: () => 0,
}
const approvals = {
  requestApproval: async (said: Parameters<ApprovalClient['requestApproval']>[0]) => {
    const req = create(RequestApprovalRequestSchema, said)
    asked.push(req)
    const id = idOf(`approval ${asked.length}`)
    return create(RequestApprovalResponseSchema, { approval: { id, action: req.action, approversNeeded: 2 } })
  },
} as unknown as ApprovalClient // of which the gate asks nothing else

let world: NetworkWorld
let stopping: AbortController
let driving: Promise<void>
beforeEach(async () => {
  asked.length = 0
  demanding.clear()
  world = await NetworkWorld.open({ gate: createGate({ approvals, directory: policies }), policies })
  stopping = new AbortController()
  driving = driveRuns(world.deps, stopping.signal)
})
afterEach(async () => {
  stopping.abort()
  await driving
  await world.close()
})

const LAB = { networkName: 'lab', topology: 'hub_and_spoke', members: [hub(1), spoke(2)] }
const TENANT = { tenantKey: 'acme', nbDbEndpoint: 'tcp:192.0.2.1:6641', sbDbEndpoint: 'tcp:192.0.2.1:6642' }
const kinds = async () => (await world.alice.listIntent({})).items.map(({ kind }) => kind.case)

/** What was asked for last is approved, and carried out as often as it is found. */
async function approve(times = 1): Promise<void> {
  const req = asked.at(-1)
  if (!req?.plan) throw new Error('nobody asked for anything')
  const approval = create(ApprovalSchema, {
    id: idOf(`approval ${asked.length}`),
    action: req.action,
    plan: req.plan,
    planSha256: planSha256(req.action, req.plan),
    owner: 'service/sdwan-compiler',
    requestedBy: req.requestedBy,
    requestId: req.requestId,
    decidedAt: timestampFromDate(world.clock.now()),
  })
  const { db, clock } = world.deps
  const executors = executorsOf(world.deps)
  for (let n = 0; n < times; n++)
    await executeApproved({ db, clock, owner: 'service/sdwan-compiler', executors }, approval, stopping.signal)
}
/**
 * Waits until it is so, while time passes: after a fault, of which a busy Postgres has some, a run is gone on with a little
 * later, and on a clock that stands still that is never.
 */
const inTime = (isSo: () => Promise<boolean>) =>
  until(async () => {
    await world.clock.advance(100)
    return isSo()
  })
const runsNow = async () => (await world.alice.listRuns({})).runs

test('isolating a tenant waits to be approved, is then done once, and by whoever is there', async () => {
  demanding.add('sdwan.multi_tenant_isolation')
  await expectRefusal(world.alice.isolateTenant(TENANT), 'APPROVAL_REQUIRED')
  expect(asked[0]).toMatchObject({ action: 'sdwan.multi_tenant_isolation', summary: 'isolate the tenant acme' })
  expect(asked[0]?.effects[0]).toBe('create_network tenant-acme (ibgp, dedicated_vrf, tenant acme)')
  expect([await kinds(), await runsNow()]).toEqual([[], []])
  await approve(2)
  await inTime(async () => (await runsNow())[0]?.state === 'done')
  expect(await runsNow()).toMatchObject([{ requestedBy: 'operator/alice', failures: [] }])
})

test('a composition falls under the policies of what it makes: the strictest of them governs', async () => {
  demanding.add('sdwan.peer_create')
  await expectRefusal(world.alice.composeNetwork(LAB), 'APPROVAL_REQUIRED')
  expect(asked[0]?.action).toBe('sdwan.peer_create')
  await approve()
  await inTime(async () => (await runsNow())[0]?.state === 'done')
  expect(await kinds()).toEqual(['network', 'member', 'member'])
})

test('what cannot be done is refused before anybody is asked to approve it', async () => {
  demanding.add('sdwan.multi_tenant_isolation')
  await expectRefusal(world.alice.isolateTenant({ tenantKey: 'acme' }), 'OVN_DEPLOYMENT_MISSING')
  expect(asked).toEqual([])
})

test('a dry run shows actions, plan and prefix, takes no approval, and leaves nothing', async () => {
  demanding.add('sdwan.multi_tenant_isolation')
  const { run } = await world.alice.isolateTenant({ ...TENANT, dryRun: true })
  expect(run).toMatchObject({ id: '', state: 'planned', dryRun: true })
  expect(run?.plannedActions).toHaveLength(7)
  expect(run?.plan?.changes).toHaveLength(7)
  expect([await kinds(), await runsNow(), asked]).toEqual([[], [], []])
})

test('taking a run back is shown first, and is an act of its own', async () => {
  const { run } = await world.alice.composeNetwork(LAB)
  const runId = run?.id ?? ''
  const { run: shown } = await world.alice.rollBackRun({ runId, dryRun: true })
  expect(shown?.plannedActions).toEqual(['undo attach_peer', 'undo attach_peer', 'undo create_network'])
  expect(shown?.plan?.changes).toEqual(['member_delete spoke-2', 'member_delete hub-1', 'network_delete lab'])
  demanding.add('sdwan.run_roll_back')
  await expectRefusal(world.alice.rollBackRun({ runId }), 'APPROVAL_REQUIRED')
  expect(await kinds()).toHaveLength(3)
  await approve()
  await inTime(async () => (await world.alice.getRun({ runId })).run?.state === 'rolled_back')
  expect(await kinds()).toEqual([])
})

test('the same request again is the same run, and takes no second approval', async () => {
  const requestId = idOf('request')
  const { run } = await world.alice.composeNetwork({ ...LAB, requestId })
  demanding.add('sdwan.federation_compose')
  expect((await world.alice.composeNetwork({ ...LAB, requestId })).run?.id).toBe(run?.id)
  await expectRefusal(world.alice.composeNetwork({ ...LAB, requestId, networkName: 'other' }), 'REQUEST_INVALID')
})

test('runs are listed newest first, page by page; what is none, and what failed, cannot be taken back', async () => {
  for (const [n, networkName] of ['one', 'two', 'one'].entries()) {
    await world.alice.composeNetwork({ ...LAB, networkName, members: [hub(10 * n + 1), spoke(10 * n + 2)] })
    await world.clock.advance(1)
  }
  const first = await world.alice.listRuns({ pageSize: 2 })
  const rest = await world.alice.listRuns({ pageSize: 2, pageToken: first.nextPageToken })
  expect([...first.runs, ...rest.runs].map(({ state }) => state)).toEqual(['failed', 'done', 'done'])
  await expectRefusal(world.alice.rollBackRun({ runId: first.runs[0]?.id ?? '' }), 'RUN_STATE_FORBIDS')
  await expectRefusal(world.alice.getRun({ runId: idOf('nobody') }), 'RUN_NOT_FOUND')
  await expectRefusal(world.alice.listRuns({ skill: 'juggling' }), 'REQUEST_INVALID')
})
