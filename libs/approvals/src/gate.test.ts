import { create } from '@bufbuild/protobuf'
import { createContextValues, type HandlerContext } from '@connectrpc/connect'
import {
  AcceptInvitationRequestSchema,
  RevokePeerRequestSchema,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { callerKey, isPermission, type Caller } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { createGate, planOf, planSha256, secretInPlan, type ApprovalClient } from './index.ts'

const ACTION = 'sdwan.federation_peer_revoke'
const CONTROL = ['system.infra_tasks.control'].filter(isPermission)

const person: Caller = {
  kind: 'operator',
  name: 'alice',
  permissions: new Set(CONTROL),
  agent: false,
  by: 'certificate',
}
const viewer: Caller = { ...person, name: 'vera', permissions: new Set() }
const agent: Caller = { ...person, name: 'robot', agent: true }

/** What becomes of an act, when asking is what nobody should have to do: 'asked' when somebody was. */
async function passing(caller: Caller, verb: string, { approvers = 1, halted = false, dryRun = false } = {}) {
  class Asked extends Error {}
  const approvals = { requestApproval: () => Promise.reject(new Asked()) } as unknown as ApprovalClient // asks nobody else
  const directory = {
    policyOf: (action: string) => (action === ACTION ? { verb, approvers } : undefined),
    autonomy: { halted, reason: 'smoke' },
    approvedFor: () => 0,
  }
  const values = createContextValues().set(callerKey, caller)
  const context = {
    values,
    timeoutMs: () => undefined,
    signal: new AbortController().signal,
  } as unknown as HandlerContext // all the gate reads
  const request = create(RevokePeerRequestSchema, { dryRun })
  const act = { action: ACTION, schema: RevokePeerRequestSchema, request, summary: 'revoke' }
  return createGate({ approvals, directory })
    .pass(context, act)
    .then(() => 'at once')
    .catch((error: unknown) => {
      if (error instanceof Asked) return 'asked'
      throw error
    })
}

test.each([
  ['auto_approve', 'at once', 'at once', 'at once'],
  ['notify_and_proceed', 'at once', 'asked', 'asked'],
  ['require_approval', 'at once', 'asked', 'asked'],
])(
  'under %s a person who may control: %s; one who may not: %s; an agent, whatever its role: %s',
  async (verb, ...said) => {
    expect([await passing(person, verb), await passing(viewer, verb), await passing(agent, verb)]).toEqual(said)
  },
)

test('where it takes two, one who may control is not enough', async () => {
  expect(await passing(person, 'require_approval', { approvers: 2 })).toBe('asked')
})

test('what is blocked is blocked for everybody; a rehearsal is never held up', async () => {
  for (const caller of [person, viewer, agent]) {
    await expectRefusal(passing(caller, 'blocked'), 'ACTION_BLOCKED')
    expect(await passing(caller, 'blocked', { dryRun: true })).toBe('at once')
  }
})

test('whoever acts by the token of another, over a certificate of their own, is none of those whom it takes', async () => {
  const counted: boolean[] = []
  const approvals = {
    requestApproval: ({ countsAsApproval = false }) => {
      counted.push(countsAsApproval)
      return Promise.resolve({ proceed: true })
    },
  } as unknown as ApprovalClient // asks nobody else
  for (const caller of [person, { ...person, heldBy: 'mallory' }, agent]) {
    const values = createContextValues().set(callerKey, caller)
    const context = { values, timeoutMs: () => undefined } as unknown as HandlerContext // all the gate reads
    const request = create(RevokePeerRequestSchema)
    const act = { action: ACTION, schema: RevokePeerRequestSchema, request, summary: 'revoke' }
    await createGate({ approvals }).pass(context, act)
  }
  expect(counted).toEqual([true, false, false])
})

test('while agents are halted they may do nothing, and people go on', async () => {
  await expectRefusal(passing(agent, 'auto_approve', { halted: true }), 'AUTONOMY_HALTED')
  expect(await passing(person, 'require_approval', { halted: true })).toBe('at once')
  expect(await passing(viewer, 'auto_approve', { halted: true })).toBe('at once')
})

test('a service cannot answer for anything', async () => {
  await expectRefusal(passing({ kind: 'service', name: 'liveness' }, 'auto_approve'), 'CALLER_NOT_ALLOWED')
})

test('a plan is its request without what is marked as a secret; its hash is that of action, type and bytes', () => {
  const invitation = 'pni1.very-secret'
  const request = create(AcceptInvitationRequestSchema, { invitation, name: 'berlin' })
  const { any, sha256 } = planOf('a', AcceptInvitationRequestSchema, request)
  const text = Buffer.from(any.value).toString('latin1')
  expect(text).not.toContain('very-secret')
  expect(text).toContain(secretInPlan(invitation))
  expect(text).toContain('berlin')
  expect(request.invitation).toBe(invitation)
  expect(planSha256('a', any)).toEqual(sha256)
  expect(planSha256('b', any)).not.toEqual(sha256)
})
