import { until } from '@powernode/events/testing'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { expectRefusal } from '@powernode/rpc/testing'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { federate, invite, PATIENT, twoPlatforms, type TestPlatform } from '../mesh.ts'

type Operator = Awaited<ReturnType<TestPlatform['operator']>>

const PROPOSE = 'sdwan.federation_peer_propose'

let a: TestPlatform
let b: TestPlatform
let stop: () => Promise<unknown>
let robot: Operator
let bob: Operator
let carol: Operator
/** A person who may manage peers, and may not control. */
let paula: Operator

beforeAll(async () => {
  ;({ a, b, stop } = await twoPlatforms({ a: { registry: PATIENT }, b: { registry: PATIENT } }))
  robot = await a.operator('robot', ['agent'], { kind: 'agent' })
  bob = await a.operator('bob', ['operator'])
  carol = await a.operator('carol', ['operator'])
  paula = await a.operator('paula', ['agent'], { kind: 'person' })
})
afterAll(() => stop())

/** What somebody is told to wait for. */
async function waiting(asked: Promise<unknown>): Promise<Approval> {
  const { metadata, next } = await expectRefusal(asked, 'APPROVAL_REQUIRED')
  const approvalId = metadata['approval_id'] ?? ''
  expect(next).toBe(`fedctl approval show ${approvalId}`)
  const { approval } = await a.approvals.getApproval({ approvalId })
  if (!approval) throw new Error('an answer without an approval')
  expect(Buffer.from(approval.planSha256).toString('hex')).toBe(metadata['plan_sha256'])
  return approval
}

const approve = async (who: Pick<Operator, 'approvals'>, { id: approvalId, planSha256 }: Approval) =>
  (await who.approvals.approve({ approvalId, planSha256 })).approval?.state

/** The approval once its owner has reported what came of it. */
async function settled({ id: approvalId }: Approval): Promise<Approval> {
  let approval: Approval | undefined
  await until(async () => {
    approval = (await a.approvals.getApproval({ approvalId })).approval
    return approval !== undefined && !['pending', 'approved'].includes(approval.state)
  })
  if (!approval) throw new Error('it was there a moment ago')
  return approval
}

const named = async (name: string) =>
  (await a.peers.listPeers({ pageSize: 1_000 })).peers.filter((peer) => peer.name === name)

test('an agent proposes, a person approves what they saw, and the peer is there: once, in the agent’s name', async () => {
  const approval = await waiting(robot.peers.proposePeer({ name: 'munich' }))
  expect(approval).toMatchObject({
    state: 'pending',
    requestedBy: 'operator/robot',
    autonomous: true,
    summary: 'propose a peering: munich',
  })
  expect(await named('munich')).toEqual([])
  await expectRefusal(
    robot.approvals.approve({ approvalId: approval.id, planSha256: approval.planSha256 }),
    'PERMISSION_MISSING',
  )
  expect(await approve(bob, approval)).toBe('approved')
  expect(await settled(approval)).toMatchObject({ state: 'executed', votes: [{ by: 'operator/bob', approves: true }] })
  const [peer, ...others] = await named('munich')
  expect([peer?.state, others]).toEqual([PeerState.PROPOSED, []])

  await a.ledgerOf(peer?.id ?? '', 'federation.peer.proposed')
  const events = async () => (await a.ledger.recentEvents({ kindPrefix: 'federation.', limit: 200 })).events
  await until(async () => (await events()).some(({ kind, correlationId }) => kind === 'federation.approval.executed' && correlationId === approval.requestId)) // prettier-ignore
  const story = (await events()).filter(({ correlationId }) => correlationId === approval.requestId)
  expect(new Map(story.map(({ kind, actor }) => [kind, actor]))).toEqual(
    new Map([
      ['federation.approval.requested', 'operator/robot'],
      ['federation.approval.approved', 'operator/bob'],
      ['federation.peer.proposed', 'operator/robot'],
      ['federation.approval.executed', 'service/peer-registry'],
    ]),
  )
})

test('an invitation that an agent takes up leaves nothing of itself in grant-authz, and federates once it is approved', async () => {
  const { onA: onB, invitation, token } = await invite(b)
  const approval = await waiting(robot.peers.acceptInvitation({ invitation, name: 'b' }))
  const text = await everythingIn(a, 'grant_authz')
  expect(text).toContain(approval.id)
  for (const secret of [token, invitation, invitation.slice('pni1.'.length)])
    for (const form of [secret, Buffer.from(secret).toString('hex'), Buffer.from(secret).toString('base64')])
      expect(text).not.toContain(form)
  expect(await approve(bob, approval)).toBe('approved')
  expect(await settled(approval)).toMatchObject({ state: 'executed' })
  const [peer] = await named('b')
  await Promise.all([a.untilState(peer?.id ?? '', PeerState.ACTIVE), b.untilState(onB, PeerState.ACTIVE)])
  expect(await everythingIn(a, 'peer_registry', 'held_invitation')).toBe('')
})

test('where it takes two, a person who may control is the first, and a second one makes it so', async () => {
  await a.approvals.setPolicy({ action: PROPOSE, verb: 'require_approval', approvers: 2 })
  const approval = await waiting(bob.peers.proposePeer({ name: 'cologne' }))
  expect(approval).toMatchObject({ state: 'pending', approversNeeded: 2, votes: [{ by: 'operator/bob' }] })
  await expectRefusal(approve(bob, approval), 'APPROVAL_OWN_REQUEST')
  expect(await approve(carol, approval)).toBe('approved')
  expect(await settled(approval)).toMatchObject({ state: 'executed' })
  expect((await named('cologne')).length).toBe(1)
  await a.approvals.setPolicy({ action: PROPOSE, verb: 'require_approval', approvers: 1 })
})

test('two people approve at once: it is done once', async () => {
  const approval = await waiting(robot.peers.proposePeer({ name: 'hamburg' }))
  const came = await Promise.allSettled([approve(bob, approval), approve(carol, approval)])
  expect(came.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  expect(await settled(approval)).toMatchObject({ state: 'executed' })
  expect((await named('hamburg')).length).toBe(1)
})

test('notify_and_proceed does it at once and tells; blocked stops everybody; a rehearsal is never held up', async () => {
  await a.approvals.setPolicy({ action: PROPOSE, verb: 'notify_and_proceed' })
  await robot.peers.proposePeer({ name: 'notified' })
  await until(
    async () => (await a.ledger.recentEvents({ kindPrefix: 'federation.approval.proceeded' })).events.length === 1,
  )
  await a.approvals.setPolicy({ action: PROPOSE, verb: 'blocked' })
  await expectRefusal(a.peers.proposePeer({ name: 'blocked' }), 'ACTION_BLOCKED')
  await expectRefusal(robot.peers.proposePeer({ name: 'blocked' }), 'ACTION_BLOCKED')
  await robot.peers.proposePeer({ name: 'rehearsed', dryRun: true })
  await a.approvals.setPolicy({ action: PROPOSE, verb: 'require_approval' })
  await a.peers.proposePeer({ name: 'by the admin' })
})

test('an emergency halt stops agents and what was approved for them, not people; afterwards all goes on', async () => {
  const approval = await waiting(robot.peers.proposePeer({ name: 'halted' }))
  await a.approvals.halt({ reason: 'something smells' })
  await expectRefusal(robot.peers.proposePeer({ name: 'another' }), 'AUTONOMY_HALTED')
  expect(await approve(bob, approval)).toBe('approved')
  await bob.peers.proposePeer({ name: 'by hand' })
  // What a person asked for later is carried out: whoever carries things out has looked, and left the agent's alone.
  const later = await waiting(paula.peers.proposePeer({ name: 'paula' }))
  await approve(bob, later)
  await settled(later)
  const { approval: left } = await a.approvals.getApproval({ approvalId: approval.id })
  expect([left?.state, await named('halted')]).toEqual(['approved', []])
  await a.approvals.resume({})
  expect(await settled(approval)).toMatchObject({ state: 'executed' })
})

test('a peer that an agent may revoke is shut out when the approval counts as executed; a second one fails, for all to see', async () => {
  const onA = await peered()
  const one = await waiting(robot.peers.revokePeer({ peerId: onA, reason: 'it left' }))
  expect(one.effects.join('\n')).toContain('every call of the peer is refused')
  const two = await waiting(robot.peers.revokePeer({ peerId: onA, reason: 'it left, again' }))
  await approve(bob, one)
  expect(await settled(one)).toMatchObject({ state: 'executed' })
  await approve(bob, two)
  expect(await settled(two)).toMatchObject({ state: 'failed', failureReason: 'MOVE_NOT_ALLOWED' })
  expect((await a.approvals.listApprovals({ states: ['failed'], peerId: onA })).approvals.map(({ id }) => id)).toEqual([
    two.id,
  ])
  await until(
    async () => (await a.ledger.recentEvents({ kindPrefix: 'federation.approval.failed' })).events.length === 1,
  )
})

/** A live peer of A, whatever tests ran before. */
const peered = async (): Promise<string> => {
  const [live] = (await a.peers.listPeers({ states: [PeerState.ACTIVE] })).peers
  return live?.id ?? (await federate(a, b)).onA
}

/** Every row of every table of a schema, or of one of them, as text. */
async function everythingIn({ platform }: TestPlatform, schema: string, only?: string): Promise<string> {
  const client = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    const { rows: tables } = await client.query<{ name: string }>('select table_name as name from information_schema.tables where table_schema = $1', [schema]) // prettier-ignore
    let text = ''
    for (const { name } of tables.filter((table) => only === undefined || table.name === only)) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from ${schema}."${name}" t`)
      text += rows.map(({ row }) => `${row}\n`).join('')
    }
    return text
  } finally {
    await client.end()
  }
}
