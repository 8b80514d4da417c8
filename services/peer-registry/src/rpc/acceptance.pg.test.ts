import { create } from '@bufbuild/protobuf'
import { secretInPlan, type Gate } from '@powernode/approvals'
import { AcceptanceService, RunAcceptanceRequestSchema } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { expectRefusal, refusesEverybodyElse } from '@powernode/rpc/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openDoors } from '../../test/door.ts'
import { invite, propose } from '../../test/handshake.ts'
import { everything, startPlatform, type TestPlatform } from '../../test/platform.ts'
import { beginAcceptance } from '../operations/begin-acceptance.ts'
import { noteAcceptanceStep } from '../operations/take-acceptance-step.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import * as heldInvitations from '../store/held-invitations.ts'
import { ACCEPTANCE_CALLERS } from './acceptance.ts'
import { aftermathOf, runHeldAcceptance } from './acts/run-acceptance.ts'

const APPROVAL = '019f0000-0000-7000-9000-0000000000f1'
const PLAN = Buffer.alloc(32, 7)
const ALICE = { kind: 'operator', name: 'alice', permissions: ['system.federation_peers.manage', 'system.federation.read'], agent: false } as const // prettier-ignore

let a: TestPlatform
let b: TestPlatform
let doors: ReturnType<typeof openDoors>
let asked: { action: string; summary: string; effects: readonly string[] }[]
let mayAtOnce: boolean

/** As libs/approvals has it, but for grant-authz. */
const gate: Gate = {
  async pass(_context, act) {
    if (act.request.dryRun || mayAtOnce) return
    const effects = typeof act.effects === 'function' ? await act.effects() : (act.effects ?? [])
    asked.push({ action: act.action, summary: act.summary, effects })
    await act.hold?.({ planSha256: PLAN, requestedBy: 'operator/alice', approvalId: APPROVAL })
    throw new Refusal('APPROVAL_REQUIRED', 'somebody has to approve this')
  },
}
beforeEach(async () => {
  a = await startPlatform('a.example')
  b = await startPlatform('b.example', { clock: a.clock })
  asked = []
  mayAtOnce = true
  doors = openDoors(b, {}, gate)
})
afterEach(async () => {
  await doors.close()
  await Promise.all([a.drop(), b.drop()])
})

const client = () => doors.clientAs(AcceptanceService, ALICE)
const invitation = async () => invite(a, (await propose(a)).id)

test('nobody but those in the table may call', async () => {
  await refusesEverybodyElse(AcceptanceService, ACCEPTANCE_CALLERS, doors.clientAs)
})

test('a rehearsal says who invites and which steps there are, and nothing is kept', async () => {
  const { text } = await invitation()
  const before = await everything(b)
  const { run } = await client().runAcceptance({ acceptanceToken: text, contractVersion: 1, dryRun: true })
  expect(run?.steps.map(({ name, hard, status }) => `${name} ${hard ? 'hard' : 'soft'} ${status}`)).toEqual([
    'verify_contract_version hard done',
    'locate_peer hard done',
    'accept hard waiting',
    'enroll hard waiting',
    'operator_grant hard waiting',
    'node_enrollment hard waiting',
    'sdwan_attach soft waiting',
    'governance_scan soft waiting',
  ])
  expect(run).toMatchObject({ id: '', peerId: '' })
  expect(run?.steps[1]?.detail).toContain('a.example')
  expect(await everything(b)).toEqual(before)
  expect((await client().listAcceptances({})).runs).toEqual([])
})

test('who may not do it at once is told to wait; what is approved has the id of its approval, and is begun once', async () => {
  mayAtOnce = false
  const { text, token } = await invitation()
  await expectRefusal(client().runAcceptance({ acceptanceToken: text, contractVersion: 1 }), 'APPROVAL_REQUIRED')
  expect(asked).toMatchObject([{ action: 'system.federation_acceptance' }])
  expect(JSON.stringify(asked)).toContain('the platform of a.example')
  expect(JSON.stringify(asked)).not.toContain(token)
  expect((await client().listAcceptances({})).runs).toEqual([])

  const by = { actor: 'operator/alice', requestId: 'r' }
  const carryOut = (acceptanceToken: string) =>
    b.act((tx, now) =>
      runHeldAcceptance(tx, now, {
        us: b.us,
        by,
        req: plan(acceptanceToken),
        planSha256: PLAN,
        approvalId: APPROVAL,
      }),
    )
  await expectRefusal(carryOut(secretInPlan('another invitation')), 'INVITATION_NOT_FOUND')
  await carryOut(secretInPlan(text))
  const { run } = await client().getAcceptance({ id: APPROVAL })
  expect(run).toMatchObject({ id: APPROVAL, state: 'running', requestedBy: 'operator/alice' })
  const held = { planSha256: PLAN, requestedBy: 'operator/alice' }
  expect(await b.act((tx) => heldInvitations.take(tx, held))).toBeUndefined()

  const came = () => b.act((tx) => aftermathOf(tx, APPROVAL))
  expect(await came(), 'the approval waits for its end').toBe('under way')
  const why = { reason: 'INVITATION_REVOKED', message: 'accept transition failed: taken back' }
  const tried = { runId: APPROVAL, name: 'verify_contract_version', attempts: 0 } as const
  const again = await b.act((tx, now) => beginAcceptance(tx, now, { us: b.us, by, req: plan(text), id: APPROVAL }))
  expect(again.startedAt).toEqual((await b.act((tx) => acceptanceRuns.lock(tx, APPROVAL))).startedAt)
  await b.act((tx, now) => noteAcceptanceStep(tx, now, { ...tried, outcome: { status: 'failed', ...why } }))
  expect(await came(), 'which stands on it').toEqual(why)
})

test('what is bound to fail is refused before anybody is asked', async () => {
  mayAtOnce = false
  const { text } = await invitation()
  await expectRefusal(client().runAcceptance({ acceptanceToken: 'x', contractVersion: 1 }), 'INVITATION_MALFORMED')
  const wrong = { acceptanceToken: text, contractVersion: 2 }
  await expectRefusal(client().runAcceptance(wrong), 'CONTRACT_VERSION_UNSUPPORTED')
  const endpoints = [{ url: 'https://user@b.example', scope: EndpointScope.WAN, priority: 0 }]
  await expectRefusal(client().runAcceptance({ acceptanceToken: text, contractVersion: 1, endpoints }), 'URL_INVALID')
  expect(asked).toEqual([])
})

test('they are listed newest first, in pages; waiting for one ends when the time is over', async () => {
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    await a.clock.advance(1_000)
    const { text } = await invitation()
    ids.unshift((await client().runAcceptance({ acceptanceToken: text, contractVersion: 1 })).run?.id ?? '')
  }
  const first = await client().listAcceptances({ pageSize: 2 })
  const second = await client().listAcceptances({ pageSize: 2, pageToken: first.nextPageToken })
  expect([...first.runs, ...second.runs].map(({ id }) => id)).toEqual(ids)
  expect(second.nextPageToken).toBe('')
  await expectRefusal(client().listAcceptances({ pageToken: 'nonsense' }), 'PAGE_TOKEN_INVALID')
  const waiting = client().getAcceptance({ id: ids[0] ?? '', wait: { seconds: 2n, nanos: 0 } })
  await a.clock.advance(3_000)
  expect((await waiting).run?.state).toBe('running')
  await expectRefusal(client().getAcceptance({ id: APPROVAL }), 'ACCEPTANCE_NOT_FOUND')
  const step = { id: ids[0] ?? '', step: 'sdwan_attach' }
  await expectRefusal(client().runAcceptanceStep(step), 'PERMISSION_MISSING')
  const networker = { ...ALICE, permissions: [...ALICE.permissions, 'system.federation_grants.manage'] } as const
  const early = await doors.clientAs(AcceptanceService, networker).runAcceptanceStep(step)
  expect(early.run?.state, 'it will be done anyway').toBe('running')
})

/** The request as it stands in a plan. */
const plan = (acceptanceToken: string) => create(RunAcceptanceRequestSchema, { acceptanceToken, contractVersion: 1 })
