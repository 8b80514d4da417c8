import { CertificateAuthorityService, RotationStep } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { createGate, runApproved, type ApprovalClient, type Executor } from '@powernode/approvals'
import { systemClock } from '@powernode/clock'
import { FakeClock } from '@powernode/clock/testing'
import { until } from '@powernode/events/testing'
import { inTransaction, openDb } from '@powernode/postgres'
import { createLogger, createMetrics } from '@powernode/process'
import { refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { APPROVAL_TTL_MS, type Approval } from '../../services/grant-authz/src/approval.ts'
import { rejectApproval } from '../../services/grant-authz/src/operations/approvals/decide-approval.ts'
import { timeOutApprovals } from '../../services/grant-authz/src/operations/approvals/time-out-approvals.ts'
import { ownedBy } from '../../services/grant-authz/src/rpc/approval-owners.ts'
import { approvalHandlers } from '../../services/grant-authz/src/rpc/approvals.ts'
import * as approvals from '../../services/grant-authz/src/store/approvals.ts'
import { NOW } from '../../services/grant-authz/src/testing.ts'
import {
  NOBODY_LISTENS,
  OWNER,
  startApprovals,
  type Approvals,
} from '../../services/grant-authz/src/testing/approvals.ts'
import { executorsOf } from '../../services/peer-registry/src/approvals/executors.ts'
import { forgetHeld } from '../../services/peer-registry/src/approvals/forget-held.ts'
import type { Tables } from '../../services/peer-registry/src/store/tables.ts'
import { openDoors } from '../../services/peer-registry/test/door.ts'
import { SCHEMA, startPlatform, type TestPlatform } from '../../services/peer-registry/test/platform.ts'

/**
 * grant-authz and peer-registry on their databases, joined by the calls they make of one another, without processes: so a
 * test decides what time it is, and where something breaks off.
 */
let authz: Approvals
let registry: TestPlatform
let doors: ReturnType<typeof openDoors>
let client: ApprovalClient
let stopping: AbortController
let running: Promise<void>[]

const logger = createLogger('test', { level: 'silent' })
const fake = new FakeClock(NOW)
const clock = { ...systemClock, now: () => fake.now() }
const ADMIN = { kind: 'operator', name: 'alice' } as const
const ROBOT = {
  kind: 'operator',
  name: 'robot',
  permissions: ['system.federation_peers.manage'],
  agent: true,
} as const

beforeEach(async () => {
  ;[authz, registry] = await Promise.all([startApprovals(), startPlatform('a.example', { clock: fake })])
  client = ownedBy({ db: authz.db, clock }, OWNER)
  doors = openDoors(registry, {}, createGate({ approvals: client }))
  stopping = new AbortController()
  running = []
})
afterEach(async () => {
  stopping.abort()
  await Promise.all(running)
  await doors.close()
  await Promise.all([authz.drop(), registry.drop()])
})

const peers = () => doors.clientAs(PeerRegistryService, ROBOT)
const peerNames = async () =>
  (await registry.act((tx) => tx.selectFrom('peer').select('name').orderBy('name').execute())).map(({ name }) => name)

/** What an agent is told to wait for. */
async function waiting(asked: Promise<unknown>): Promise<Approval> {
  const { metadata } = await expectRefusal(asked, 'APPROVAL_REQUIRED')
  return await approvalOf(metadata['approval_id'] ?? '')
}
async function approvalOf(id: string): Promise<Approval> {
  const approval = await authz.act((tx) => approvals.find(tx, id))
  if (!approval) throw new Error(`there is no approval ${id}`)
  return approval
}
const proposed = (name: string) => waiting(peers().proposePeer({ name, url: 'https://b.example:8443' }))
const approved = async (approval: Approval) => (await authz.approve(approval, 'alice', fake.now())).approval
const over = (id: string) => until(async () => !['pending', 'approved'].includes((await approvalOf(id)).state))

/** The acts of the registry. No gateway is there to be waited for: what is done counts as done all the same. */
function acts(): Readonly<Record<string, Executor<Tables>>> {
  const gone = () => Promise.reject(new Error('nobody is there'))
  return executorsOf({ db: registry.db, us: registry.us, feed: { enforced: gone }, grants: { reviewPeer: gone } })
}

type Replica = Partial<{
  client: ApprovalClient
  executors: Readonly<Record<string, Executor<Tables>>>
  db: typeof registry.db
}>

/** One replica of the registry that carries out what is approved, until the test ends or `signal` says so. */
function carryOut(said: Replica = {}, signal = stopping.signal): Promise<void> {
  const executors = acts()
  const deps = { db: registry.db, clock, owner: OWNER, executors, client, logger, metrics: createMetrics('test') }
  const run = runApproved({ ...deps, ...said }, signal)
  running.push(run)
  return run
}

test('an agent proposes a peering; a person approves; it is there once, in the agent’s name, and leaves no invitation', async () => {
  const approval = await proposed('berlin')
  expect(await proposed('berlin')).toMatchObject({ id: approval.id })
  expect(await peerNames()).toEqual([])
  await approved(approval)
  void carryOut()
  await over(approval.id)
  expect(await peerNames()).toEqual(['berlin'])
  expect(await approvalOf(approval.id)).toMatchObject({ state: 'executed' })
  expect(await registry.act((tx) => tx.selectFrom('invitation').select('id').execute())).toEqual([])
  const { rows } = await registry.act((tx) => sql<{ event: Buffer }>`select event from outbox`.execute(tx))
  const told = rows.map(({ event }) => event.toString('latin1'))
  expect(told.every((text) => text.includes('operator/robot') && text.includes(approval.requestId))).toBe(true)
})

test('what is under way fills no page for what was approved after it', async () => {
  const [first, second] = [await proposed('berlin'), await proposed('moscow')]
  await approved(first)
  await fake.advance(1)
  await approved(second)
  let isOver = false
  const aftermath = (id: string) => (id === first.id && !isOver ? 'under way' : 'done')
  const executors = Object.fromEntries(Object.entries(acts()).map(([action, one]) => [action, { ...one, aftermath }]))
  const short: ApprovalClient = {
    ...client,
    listApproved: (said, ...how) => client.listApproved({ ...said, limit: 1 }, ...how),
  }
  void carryOut({ client: short, executors })
  await over(second.id)
  expect(await approvalOf(first.id)).toMatchObject({ state: 'approved' })
  isOver = true
  await over(first.id)
})

test('killed between the act and its report: the next one only reports', async () => {
  const approval = await proposed('berlin')
  await approved(approval)
  const dying = new AbortController()
  const reportExecution = () => {
    dying.abort()
    return Promise.reject(new Error('the process is gone'))
  }
  const lost = { ...client, reportExecution }
  await carryOut({ client: lost }, dying.signal)
  expect([(await approvalOf(approval.id)).state, await peerNames()]).toEqual(['approved', ['berlin']])
  void carryOut()
  await over(approval.id)
  expect([(await approvalOf(approval.id)).state, await peerNames()]).toEqual(['executed', ['berlin']])
})

test('killed in the middle of the act: nothing of it stays, and it is done by the next one', async () => {
  const approval = await proposed('berlin')
  await approved(approval)
  const dying = new AbortController()
  await carryOut({ executors: breaking(() => dying.abort()) }, dying.signal)
  expect([(await approvalOf(approval.id)).state, await peerNames()]).toEqual(['approved', []])
  void carryOut()
  await over(approval.id)
  expect(await peerNames()).toEqual(['berlin'])
})

/** The real acts, each of which ends in a fault after it was done and before it is committed. */
function breaking(fault: () => void): Readonly<Record<string, Executor<Tables>>> {
  const real = Object.entries(acts())
  return Object.fromEntries(
    real.map(([action, executor]) => [
      action,
      {
        ...executor,
        // oxlint-disable-next-line max-params -- the shape of an executor
        async run(tx, now, plan, by) {
          await executor.run(tx, now, plan, by)
          fault()
          throw new Error('broken off')
        },
      } satisfies Executor<Tables>,
    ]),
  )
}

test('a fault is tried again a few times; then it has failed, and says where to look', async () => {
  const approval = await proposed('berlin')
  await approved(approval)
  let faults = 0
  void carryOut({ executors: breaking(() => void (faults += 1)) })
  await over(approval.id)
  expect(await approvalOf(approval.id)).toMatchObject({ state: 'failed', failureReason: 'FAULT' })
  expect([faults, await peerNames()]).toEqual([5, []])
})

test('two replicas carry out twenty approvals: each once', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `peer-${String(at).padStart(2, '0')}`)
  const all: Approval[] = []
  for (const name of names) all.push(await proposed(name))
  for (const approval of all) await approved(approval)
  const second = openDb<Tables>({ url: registry.url, schema: SCHEMA, applicationName: 'second' })
  void carryOut()
  void carryOut({ db: second })
  for (const { id } of all) await over(id)
  stopping.abort()
  await Promise.all(running)
  await second.destroy()
  expect(await peerNames()).toEqual(names)
  const told = await authz.act((tx) =>
    sql<{ id: string }>`select id from outbox where subject like '%.executed.%'`.execute(tx),
  )
  expect(told.rows.length).toBe(20)
})

test('what can no longer be done has failed, for good, with the reason on the approval, and changed nothing', async () => {
  const first = await proposed('berlin')
  await approved(first)
  void carryOut()
  await over(first.id)
  const [peer] = await registry.act((tx) => tx.selectFrom('peer').select('id').execute())
  const peerId = peer?.id ?? ''
  const one = await waiting(peers().revokePeer({ peerId, reason: 'one' }))
  expect(one.effects.join()).toContain('the peering with berlin ends')
  const two = await waiting(peers().revokePeer({ peerId, reason: 'two' }))
  await approved(one)
  await over(one.id)
  await approved(two)
  await over(two.id)
  expect(await approvalOf(two.id)).toMatchObject({ state: 'failed', failureReason: 'MOVE_NOT_ALLOWED' })
  const [stands] = await registry.act((tx) => tx.selectFrom('peer').select('reason').execute())
  expect(stands?.reason).toBe('one')
})

test('what could not be done anyway is refused before anybody is asked', async () => {
  const unknown = peers().revokePeer({ peerId: '019f0000-0000-7000-8000-00000000beef' })
  await expectRefusal(unknown, 'PEER_NOT_FOUND')
  await expectRefusal(peers().proposePeer({ url: 'http://plain.example' }), 'URL_INVALID')
})

test('a plan that is not the one that was approved is not carried out', async () => {
  const approval = await proposed('berlin')
  const other = await proposed('moscow')
  await approved(approval)
  const forging: ApprovalClient = {
    ...client,
    async listApproved(...said) {
      const listed = await client.listApproved(...said)
      for (const one of listed.approvals) if (one.plan) one.plan.value = Uint8Array.from(other.plan)
      return listed
    },
  }
  void carryOut({ client: forging })
  await over(approval.id)
  expect(await approvalOf(approval.id)).toMatchObject({ failureReason: 'APPROVAL_PLAN_MISMATCH' })
  expect(await peerNames()).toEqual([])
})

test('an approval that arrives as its time runs out: it is carried out once, or never', async () => {
  void carryOut()
  let done = 0
  for (let round = 0; round < 8; round++) {
    const approval = await proposed(`peer-${round}`)
    const edge = approval.expiresAt
    await Promise.allSettled([
      authz.approve(approval, 'alice', new Date(edge.getTime() - 1)),
      authz.act((tx) => timeOutApprovals(tx, edge)),
    ])
    await over(approval.id)
    const { state } = await approvalOf(approval.id)
    if (state === 'executed') done += 1
    expect(['executed', 'timed_out']).toContain(state)
  }
  expect((await peerNames()).length).toBe(done)
})

describe('an invitation that waits', () => {
  let inviter: TestPlatform
  let invitation: string
  beforeEach(async () => {
    inviter = await startPlatform('b.example', { clock: fake })
    const theirs = openDoors(inviter)
    const made = await theirs.clientAs(PeerRegistryService, ROBOT).proposePeer({ name: 'a' })
    invitation = made.invitation?.text ?? ''
    await theirs.close()
  })
  afterEach(() => inviter.drop())

  const accepted = () => waiting(peers().acceptInvitation({ invitation, name: 'b' }))
  const held = async () =>
    (await registry.act((tx) => tx.selectFrom('held_invitation').select('requested_by').execute())).length
  /** Every row of every table of a schema, as text; bytes as they are. */
  const everything = async (db: typeof authz | TestPlatform, schema: string) => {
    const { rows: tables } = await inTransaction(db.db as typeof authz.db, (tx) =>
      sql<{
        name: string
      }>`select table_name as name from information_schema.tables where table_schema = ${schema}`.execute(tx),
    )
    let text = ''
    for (const { name } of tables) {
      const { rows } = await inTransaction(db.db as typeof authz.db, (tx) =>
        sql<{ row: string }>`select t::text as row from ${sql.table(name)} t`.execute(tx),
      )
      text += rows.map(({ row }) => `${row}\n`).join('')
    }
    return text
  }

  test('leaves nothing of itself in an approval, nor open in any table; and is taken up once it is approved', async () => {
    const approval = await accepted()
    const token = invitation.slice('pni1.'.length)
    for (const [db, schema] of [
      [authz, 'grant_authz'],
      [registry, SCHEMA],
    ] as const) {
      const text = await everything(db, schema)
      expect(text).toContain(schema === SCHEMA ? 'operator/robot' : approval.summary)
      for (const form of [token, Buffer.from(token).toString('hex'), invitation]) expect(text).not.toContain(form)
    }
    expect(await held()).toBe(1)
    await approved(approval)
    void carryOut()
    await over(approval.id)
    expect([(await approvalOf(approval.id)).state, await peerNames(), await held()]).toEqual(['executed', ['b'], 0])
  })

  test.each(['rejected', 'timed out'])('is gone when it was %s', async (how) => {
    const approval = await accepted()
    const approvalsOf = { getApproval: (said: { approvalId: string }) => getApproval(said.approvalId) }
    const sweeping = new AbortController()
    running.push(
      forgetHeld(
        { db: registry.db, approvals: approvalsOf as never, clock: sweepClock(sweeping), logger },
        sweeping.signal,
      ),
    )
    await running.at(-1)
    expect(await held()).toBe(1)
    const late = new Date(fake.now().getTime() + APPROVAL_TTL_MS)
    await authz.act<unknown>((tx) =>
      how === 'rejected'
        ? rejectApproval(tx, fake.now(), { approvalId: approval.id, by: 'operator/alice', reason: '' })
        : timeOutApprovals(tx, late),
    )
    const again = new AbortController()
    await forgetHeld(
      { db: registry.db, approvals: approvalsOf as never, clock: sweepClock(again), logger },
      again.signal,
    )
    expect(await held()).toBe(0)
  })

  test('that was given up meanwhile is not taken up: the approval says so', async () => {
    const approval = await accepted()
    await approved(approval)
    await registry.act((tx) => tx.deleteFrom('held_invitation').execute())
    void carryOut()
    await over(approval.id)
    expect(await approvalOf(approval.id)).toMatchObject({ state: 'failed', failureReason: 'INVITATION_NOT_FOUND' })
  })

  /** A clock whose first sleep is the end: one round of a sweep. */
  const sweepClock = (ending: AbortController) => ({ ...clock, sleep: async () => ending.abort() })
  const getApproval = async (approvalId: string) => {
    const handlers = approvalHandlers({ db: authz.db, clock, operatorsFeed: NOBODY_LISTENS })
    const context = { values: { get: () => ({ kind: 'service', name: 'peer-registry' }) } } as never // all the handler reads
    return (await handlers.getApproval({ approvalId } as never, context)) as { approval: { state: string } }
  }
})

test('there is no way around the gate: what its policy blocks is blocked by whichever RPC it is asked for', async () => {
  const directory = { policyOf: () => ({ verb: 'blocked', approvers: 1 }), autonomy: undefined, approvedFor: () => 0 }
  const blocked = openDoors(registry, {}, createGate({ approvals: client, directory }))
  const [ofPeers, ofCa] = [
    blocked.clientAs(PeerRegistryService, ADMIN),
    blocked.clientAs(CertificateAuthorityService, ADMIN),
  ]
  const peerId = '019f0000-0000-7000-8000-00000000beef'
  const acts: Readonly<Record<string, () => Promise<unknown>>> = {
    propose: () => ofPeers.proposePeer({ name: 'x' }),
    accept: () => ofPeers.acceptInvitation({ invitation: 'A'.repeat(43), url: 'https://b.example:8443' }),
    revoke: () => ofPeers.revokePeer({ peerId }),
    'begin anew': () => ofPeers.repeerPeer({ peerId }),
    emancipate: () => ofPeers.emancipatePeer({ peerId }),
    adopt: () => ofPeers.adoptPeer({ peerId, as: 'parent' }),
    'switch the CA': () => ofCa.applyRotation({ rotationId: peerId, step: RotationStep.SWITCHED }),
  }
  const came: Record<string, string | undefined> = {}
  for (const [name, act] of Object.entries(acts))
    came[name] = refusalOf(await act().catch((error: unknown) => error))?.reason
  expect(came).toEqual(Object.fromEntries(Object.keys(acts).map((name) => [name, 'ACTION_BLOCKED'])))
  await blocked.close()
})

test('refusals of grant-authz reach whoever asked, as they are', async () => {
  await authz.act((tx) => sql`update operator set paused = true where name = 'robot'`.execute(tx))
  const error = await peers()
    .proposePeer({ name: 'x' })
    .catch((caught: unknown) => caught)
  expect(refusalOf(error)?.reason).toBe('OPERATOR_UNKNOWN')
})
