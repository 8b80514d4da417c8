import { randomBytes } from 'node:crypto'
import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { createGate, executeApproved, planSha256, type ApprovalClient, type Directory } from '@powernode/approvals'
import { until } from '@powernode/events/testing'
import { SealingKey } from '@powernode/identity'
import { inTransaction } from '@powernode/postgres'
import {
  ApprovalSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
  type Approval,
  type RequestApprovalRequest,
} from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { executorsOf } from '../approvals/executors.ts'
import * as state from '../store/intent-state.ts'
import type { SdwanTx } from '../store/tables.ts'
import { HUB, idOf, memberOf, NetworkWorld, put, remove } from '../testing/network-world.ts'

/** What grant-authz was asked for, and what policies it would have. */
const asked: RequestApprovalRequest[] = []
const verbs = new Map<string, string>()
const policies: Directory = {
  policyOf: (action) => ({ verb: verbs.get(action) ?? 'auto_approve', approvers: 2 }),
  autonomy: undefined,
  approvedFor: () => 0,
}
const approvals = {
  requestApproval: async (said: Parameters<ApprovalClient['requestApproval']>[0]) => {
    const req = create(RequestApprovalRequestSchema, said)
    asked.push(req)
    return create(RequestApprovalResponseSchema, { approval: { id: idOf(`approval ${asked.length}`), action: req.action, approversNeeded: 2 } }) // prettier-ignore
  },
} as unknown as ApprovalClient // of which the gate asks nothing else

let world: NetworkWorld
beforeEach(async () => {
  asked.length = 0
  verbs.clear()
  world = await NetworkWorld.open({ gate: createGate({ approvals, directory: policies }), policies })
})
afterEach(() => world.close())

/** As grant-authz lists it once the people have approved. */
function approved(): Approval {
  const req = asked.at(-1)
  if (!req?.plan) throw new Error('nobody asked for anything')
  return create(ApprovalSchema, {
    id: idOf(`approval ${asked.length}`),
    action: req.action,
    plan: req.plan,
    planSha256: planSha256(req.action, req.plan),
    owner: 'service/sdwan-compiler',
    requestedBy: req.requestedBy,
    requestId: req.requestId,
    decidedAt: timestampFromDate(world.clock.now()),
  })
}

function execute(approval: Approval) {
  const { db, clock } = world.deps
  const executors = executorsOf(world.deps)
  return executeApproved(
    { db, clock, owner: 'service/sdwan-compiler', executors },
    approval,
    new AbortController().signal,
  )
}

test('the strictest policy of all that a change touches governs it; until then nothing of it is written', async () => {
  const lab = await world.network('lab')
  verbs.set('sdwan.peer_create', 'notify_and_proceed').set('sdwan.network_delete', 'require_approval')
  const other = await world.network('other')
  const kept = await world.everythingKept()
  const changes = [put('member', memberOf(lab.id, 'hub-1', HUB)), remove('network', other.id)]
  await expectRefusal(world.change(...changes), 'APPROVAL_REQUIRED')
  expect(asked.map(({ action }) => action)).toEqual(['sdwan.network_delete'])
  expect(asked[0]?.effects).toEqual(
    expect.arrayContaining(['member_create hub-1', 'network_delete other', 'touches 1 nodes']),
  )
  expect(asked[0]?.summary).toBe('change the network: member_create hub-1, network_delete other')
  expect(await world.everythingKept()).toBe(kept)
})

test('who may change a record may not by that alone break a test: that has a policy of its own', async () => {
  const lab = await world.network('lab')
  verbs.set('sdwan.peer_create', 'auto_approve').set('sdwan.test_override', 'require_approval')
  const changes = [put('member', memberOf(lab.id, 'hub-1', HUB))]
  await expectRefusal(world.alice.changeIntent({ changes, overrideTestsReason: 'for an hour' }), 'APPROVAL_REQUIRED')
  expect(asked.map(({ action }) => action)).toEqual(['sdwan.test_override'])
  await world.change(...changes)
  expect((await world.alice.listIntent({ kind: 'member' })).items).toHaveLength(1)
})

test('of a long list approvers read the beginning, and how much more there is', async () => {
  const lab = await world.network('lab')
  verbs.set('sdwan.peer_create', 'require_approval')
  const members = Array.from({ length: 23 }, (_, nth) => put('member', memberOf(lab.id, `spoke-${nth + 1}`)))
  await expectRefusal(world.change(put('member', memberOf(lab.id, 'hub-1', HUB)), ...members), 'APPROVAL_REQUIRED')
  expect(asked[0]?.effects).toContain('and 4 more: the plan has them all')
})

test('what is approved is carried out once, to the letter: the same records at the same addresses', async () => {
  const lab = await world.network('lab')
  verbs.set('sdwan.peer_create', 'require_approval')
  const changes = [put('member', memberOf(lab.id, 'hub-1', HUB))]
  const requestId = idOf('request')
  const tried = await world.alice.changeIntent({ changes, requestId, dryRun: true })
  await expectRefusal(world.alice.changeIntent({ changes, requestId }), 'APPROVAL_REQUIRED')
  const approval = approved()
  expect((await execute(approval)).outcome).toBe('executed')
  expect((await execute(approval)).outcome).toBe('executed')
  const { items } = await world.alice.listIntent({ kind: 'member' })
  const tidy = (kind: (typeof items)[number]['kind'] | undefined) => ({ ...kind?.value, stamp: undefined })
  expect(items).toHaveLength(1)
  expect(tidy(items[0]?.kind)).toEqual(tidy(tried.items[0]?.kind))
  // Asked again, whoever asked is answered what came of it, and no second approval is wanted.
  const answer = await world.alice.changeIntent({ changes, requestId })
  expect(answer.plan?.sha256).toBe(tried.plan?.sha256)
  expect(asked).toHaveLength(1)
})

test('what would do something else by now than what was approved is not done', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  verbs.set('sdwan.peer_create', 'require_approval')
  await expectRefusal(world.change(put('member', memberOf(lab.id, 'spoke-1'))), 'APPROVAL_REQUIRED')
  const approval = approved()
  await world.change(put('network', { ...lab, mtu: 1380 }))
  expect(await execute(approval)).toMatchObject({ outcome: 'failed', failureReason: 'PLAN_CHANGED' })
  expect((await world.alice.listIntent({ kind: 'member' })).items).toHaveLength(1)
})

test('what somebody else changes elsewhere meanwhile does no harm to what was approved', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  verbs.set('sdwan.peer_create', 'require_approval')
  await expectRefusal(world.change(put('member', memberOf(lab.id, 'spoke-1'))), 'APPROVAL_REQUIRED')
  const approval = approved()
  await world.network('another')
  expect((await execute(approval)).outcome).toBe('executed')
})

test('a change that changes nothing takes no approval, and what is refused anyway is refused before anybody is asked', async () => {
  const lab = await world.network('lab')
  for (const action of ['sdwan.network_update', 'sdwan.network_create', 'sdwan.firewall_rule_create']) verbs.set(action, 'require_approval') // prettier-ignore
  await world.change(put('network', lab))
  const drop = {
    networkId: lab.id,
    name: 'r',
    action: 'drop',
    direction: 'both',
    protocol: 'any',
    priority: 1,
  } as const
  await expectRefusal(world.change(put('firewallRule', { ...drop, src: { kind: { case: 'tag', value: 'nobody' } } })), 'RULE_VANISHES') // prettier-ignore
  await expectRefusal(world.change(put('network', { name: 'lab', slug: 'else' })), 'INTENT_EXISTS')
  expect(asked).toEqual([])
})

test('blocked is blocked, whoever asks; taking a peer’s access away is an act of its own', async () => {
  const lab = await world.network('lab')
  const hub = await world.member(lab.id, 'hub-1', HUB)
  const access = { id: idOf('access'), peerId: idOf('peer'), networkId: lab.id, gatewayMemberIds: [hub.id] }
  await world.change(put('prefixAccess', access))
  verbs.set('sdwan.access_grant_revoke', 'blocked')
  await expectRefusal(world.change(put('prefixAccess', { ...access, disabled: true })), 'ACTION_BLOCKED')
  await world.change(put('prefixAccess', { ...access, maxPrefixes: 7 }))
})

test('what comes to fall under another policy while it waits for its turn is not done: nobody has been asked about that', async () => {
  const lab = await world.network('lab')
  verbs.set('sdwan.network_update', 'require_approval')
  const { db } = world.database
  const { refusal } = await inTransaction(db, async (tx) => {
    await state.takeTurn(tx)
    // At this moment it changes nothing, and takes no approval.
    const asked = expectRefusal(world.change(put('network', { ...lab, stamp: undefined })), 'PLAN_CHANGED')
    await until(async () => (await waiting(tx)) > 0)
    await sql`update network set mtu = 1380, version = version + 1`.execute(tx)
    await state.countOn(tx)
    return { refusal: asked } // not waited for: it waits for us
  })
  expect((await refusal).metadata).toEqual({ actions: 'sdwan.network_update' })
  const { item } = await world.alice.getIntent({ kind: 'network', id: lab.id })
  expect(item?.kind.value).toMatchObject({ mtu: 1380 })
})

describe('what is done by hand about the network', () => {
  test('new keys are made when they are approved, under the strictest policy, and of what is in order nobody is asked', async () => {
    const lab = await world.network('lab', { presharedKeys: true })
    verbs.set('sdwan.access_grant_update', 'require_approval')
    expect((await world.alice.rekeyNetworks({})).lines).toEqual([])
    expect(asked).toEqual([])
    const secret = () => sql<{ sealed: Buffer }>`select sealed from network_secret`.execute(world.database.db)
    const before = (await secret()).rows
    await expectRefusal(world.alice.rekeyNetworks({ networks: ['lab'], reason: 'stolen' }), 'APPROVAL_REQUIRED')
    expect(asked.map(({ action, effects }) => [action, effects])).toEqual([['sdwan.access_grant_update', ['network_rekey lab']]]) // prettier-ignore
    expect((await secret()).rows).toEqual(before)
    const approval = approved()
    expect((await execute(approval)).outcome).toBe('executed')
    const after = (await secret()).rows
    expect(after).not.toEqual(before)
    expect((await execute(approval)).outcome).toBe('executed')
    expect((await secret()).rows, 'told twice, it is done once').toEqual(after)
    const { item } = await world.alice.getIntent({ kind: 'network', id: lab.id })
    expect(item?.kind.value).toMatchObject({ stamp: { version: 2n } })
  })

  test('new keys that were approved are those that were listed, and no others that were lost meanwhile', async () => {
    const [lab, other] = [await world.network('lab', { presharedKeys: true }), await world.network('other')]
    verbs.set('sdwan.network_update', 'require_approval')
    const elsewhere = new SealingKey(randomBytes(32)).seal(Buffer.alloc(32), 'elsewhere')
    const loses = (id: string) => sql`update network_secret set sealed = ${elsewhere} where network_id = ${id}`.execute(world.database.db) // prettier-ignore
    await loses(lab.id)
    await expectRefusal(world.alice.rekeyNetworks({}), 'APPROVAL_REQUIRED')
    const approval = approved()
    await loses(other.id)
    const kept = await world.everythingKept()
    expect(await execute(approval)).toMatchObject({ outcome: 'failed', failureReason: 'PLAN_CHANGED' })
    const withoutNote = (text: string) => text.split('\n').filter((line) => !line.startsWith('executed_approval:')).join('\n') // prettier-ignore
    expect(withoutNote(await world.everythingKept()), 'but for the note of it').toBe(withoutNote(kept))
    await expectRefusal(world.alice.rekeyNetworks({}), 'APPROVAL_REQUIRED')
    expect(asked.at(-1)?.effects.toSorted()).toEqual(['network_rekey lab', 'network_rekey other'])
    expect(await execute(approved())).toMatchObject({ outcome: 'executed' })
    // Approved for the second time, the same that was done is not done again.
    expect(await execute({ ...approved(), id: idOf('another') })).toMatchObject({ outcome: 'failed', failureReason: 'PLAN_CHANGED' }) // prettier-ignore
  })

  test('an ending is given up when that is approved, once, and one that was settled meanwhile is not', async () => {
    const at = idOf('node of a')
    const ovn = { id: idOf('ovn'), name: 'ovn', status: 'active', nbDbEndpoint: 'tcp:192.0.2.9:6641', sbDbEndpoint: 'tcp:192.0.2.9:6642', northdNodeInstanceId: at } as const // prettier-ignore
    const ended = async () => {
      await world.change(put('ovnDeployment', ovn))
      await world.change(remove('ovn_deployment', ovn.id))
    }
    await world.asNode(at).reportNode({})
    await ended()
    verbs.set('sdwan.ovn_delete', 'require_approval')
    const said = { deployment: 'ovn', reason: 'the rack burnt down' }
    await expectRefusal(world.alice.giveOvnEndingUp(said), 'APPROVAL_REQUIRED')
    expect(asked.map(({ action, effects }) => [action, effects])).toEqual([['sdwan.ovn_delete', [expect.stringContaining('the rack burnt down')]]]) // prettier-ignore
    expect((await world.alice.listProblems({})).problems).toMatchObject([{ code: 'OVN_ENDING' }])
    const approval = approved()
    expect((await execute(approval)).outcome).toBe('executed')
    expect((await execute(approval)).outcome).toBe('executed')
    expect((await world.alice.listProblems({})).problems).toEqual([])
    expect(await execute({ ...approval, id: idOf('another') })).toMatchObject({ outcome: 'failed', failureReason: 'INTENT_NOT_FOUND' }) // prettier-ignore
  })
})

/** How many wait for their turn. */
async function waiting(tx: SdwanTx): Promise<number> {
  const { rows } = await sql<{
    count: number
  }>`select count(*) from pg_locks where locktype = 'advisory' and not granted
    and ((classid::bigint << 32) | objid::bigint) = hashtextextended(current_schema() || '.intent', 0)`.execute(tx)
  return rows[0]?.count ?? 0
}
