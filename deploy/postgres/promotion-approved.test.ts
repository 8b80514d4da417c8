import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, type DescMessage, type MessageInitShape } from '@bufbuild/protobuf'
import { anyPack } from '@bufbuild/protobuf/wkt'
import { planSha256, runApproved, type ApprovalClient } from '@powernode/approvals'
import { replicationScript } from '@powernode/dev/database'
import { newId } from '@powernode/postgres'
import { ApprovalSchema, type Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { FailBackRequestSchema, PromoteMemberRequestSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { keepPostgres } from '@powernode/dev/postgres-keeper'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PROMOTE } from '../../services/spawn-provisioner/src/replication/promotion/promotion-record.ts'
import { PATIENCE_MS } from '../../test/eventually.ts'
import { Cluster } from './cluster.ts'
import { keeperOf } from './two-servers.ts'

const OWNER = 'service/spawn-provisioner'
const request = { child: 'west-1', reason: 'a test' }

let cluster: Cluster
beforeAll(async () => {
  cluster = await Cluster.start({ max_slot_wal_keep_size: '64MB' })
  await cluster.startChild(await cluster.admit())
})
afterAll(() => cluster.stop())

/** It follows, and its line is up: whatever is to be done can be told to it. */
async function untilReady(): Promise<void> {
  await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
  await untilLined()
}

async function untilLined(): Promise<void> {
  await expect.poll(() => dry().catch(() => 0)).toBe(7)
}

/** How many steps there would be. */
async function dry(): Promise<number> {
  let steps = 0
  for await (const _ of cluster.operator.promoteMember({ ...request, dryRun: true })) steps += 1
  return steps
}

/** The child comes back over a line of its own, which went with whoever held it. */
async function anew(): Promise<void> {
  await cluster.stopChild()
  await cluster.startChild()
}

/** As grant-authz lists it once the people have approved. */
function approved<Desc extends DescMessage>(schema: Desc, said: MessageInitShape<Desc>): Approval {
  const plan = anyPack(schema, create(schema, said))
  const id = newId(cluster.deps.clock.now())
  const by = { owner: OWNER, requestedBy: 'operator/alice', requestId: id }
  return create(ApprovalSchema, { id, action: PROMOTE, plan, planSha256: planSha256(PROMOTE, plan), ...by })
}

type Report = Parameters<ApprovalClient['reportExecution']>[0]

/** What is reported of it; grant-authz lists it until somebody has. */
async function reportOf(approval: Approval, ended = AbortSignal.timeout(PATIENCE_MS)): Promise<Report | undefined> {
  const { db, clock, logger, metrics } = cluster.deps
  const over = new AbortController()
  let report: Report | undefined
  const client = {
    listApproved: async () => ({ approvals: [approval] }),
    reportExecution: async (said: Report) => {
      report = said
      over.abort()
    },
  } as unknown as ApprovalClient // of which nothing else is asked
  const { executors } = cluster.area
  await runApproved({ db, clock, logger, metrics, owner: OWNER, executors, client }, AbortSignal.any([over.signal, ended])) // prettier-ignore
  return report
}

const record = () => JSON.parse(readFileSync(join(cluster.two.stateDir, 'promotion.json'), 'utf8'))

test('what can no longer be done when it is approved is refused before anything is begun', async () => {
  await untilReady()
  await cluster.stopChild()
  // Its line may stand for a moment longer than it does.
  await expect.poll(() => dry().catch((error: Error) => error.message)).toMatch(/no line/)
  const report = await reportOf(approved(PromoteMemberRequestSchema, request))
  expect(report).toMatchObject({ succeeded: false, failureMessage: expect.stringMatching(/no line/) })
  await cluster.startChild()
})

test('an approved promotion that fails after it was begun is reported as failed, also by who comes after a crash', async () => {
  await untilReady()
  const admin = await cluster.two.asAdmin()
  await admin.query(
    `create or replace function replication_admin.fence_sessions(keep_role text) returns integer language plpgsql as 'begin return 1; end'`,
  )
  const approval = approved(PromoteMemberRequestSchema, request)
  const failed = {
    approvalId: approval.id,
    succeeded: false,
    failureMessage: expect.stringMatching(/could still write/),
  }
  expect(await reportOf(approval)).toMatchObject(failed)
  expect(record()).toMatchObject({ step: 'lifted', approvalId: approval.id })
  await cluster.stopParent()
  cluster.startParent() // whoever starts anew knows no more than what stands on disk
  expect(await reportOf(approval)).toMatchObject(failed)
  await (await cluster.two.asAdmin()).query(replicationScript())
  await anew()
})

test('the way back is gone under an approval too, and reported as what it came to', async () => {
  await untilReady()
  const approval = approved(FailBackRequestSchema, request)
  expect(await reportOf(approval)).toMatchObject({
    succeeded: false,
    failureReason: 'CHILD_STATE_FORBIDS',
    failureMessage: 'west-1 is not the primary in our place',
  })
  // Promoted, as far as our record goes; nobody keeps our Postgres here, who could be asked to follow.
  const { childId, peerId } = cluster.member
  const promoted = {
    childId,
    peerId,
    hostname: 'west-1',
    roleName: 'x',
    by: 'operator/admin',
    reason: '',
    forced: false,
  }
  const done = { ...promoted, startedAt: '2026-01-01', step: 'done', newTimeline: 2, address: '127.0.0.1:1' }
  await cluster.stopParent()
  cluster.startParent()
  mkdirSync(cluster.two.stateDir, { recursive: true })
  writeFileSync(join(cluster.two.stateDir, 'promotion.json'), JSON.stringify(done))
  const again = approved(FailBackRequestSchema, request)
  expect(await reportOf(again)).toMatchObject({ approvalId: again.id, succeeded: false })
  expect(record()).toMatchObject({
    step: 'done',
    returnApprovalId: again.id,
    returnFailure: expect.stringMatching(/./),
  })
  rmSync(join(cluster.two.stateDir, 'promotion.json'))
  await anew()
})

test('approved, the member takes over; approved where the services go on, the way back is gone to its end, and reported at home', async () => {
  await untilReady()
  const promotion = approved(PromoteMemberRequestSchema, request)
  expect(await reportOf(promotion)).toMatchObject({ approvalId: promotion.id, succeeded: true })
  expect(record()).toMatchObject({ step: 'done', approvalId: promotion.id, newTimeline: 2, by: 'operator/alice' })
  await cluster.restartParentAt('member')
  await untilLined()
  const keeping = new AbortController()
  const kept = keepPostgres(keeperOf(cluster.two), keeping.signal)
  const wayBack = approved(FailBackRequestSchema, request)
  try {
    const ended = new AbortController()
    const carryingOut = reportOf(wayBack, ended.signal)
    await expect.poll(() => `${record().step} ${record().returnFailure}`).toBe('failed_back ')
    ended.abort()
    await carryingOut // what it was noted in is stopped by now
    await cluster.restartParentAt('home')
    // Listed still, since nobody could report it: it is reported now, and nothing is done anew.
    expect(await reportOf(wayBack)).toMatchObject({ approvalId: wayBack.id, succeeded: true })
    expect(record()).toMatchObject({ step: 'failed_back', returnApprovalId: wayBack.id })
    await expect.poll(async () => (await cluster.shown())?.state).toBe('streaming')
    expect((await cluster.words()).filter((word) => word === 'failed_back')).toHaveLength(1)
  } finally {
    keeping.abort()
    await kept
  }
})
