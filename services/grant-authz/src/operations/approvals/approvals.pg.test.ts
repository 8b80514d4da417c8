import { PERMISSIONS } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { APPROVAL_TTL_MS } from '../../approval.ts'
import * as approvals from '../../store/approvals.ts'
import { announced, NOW, PEER } from '../../testing.ts'
import { after, HOUR, OWNER, planTo, REVOKE, startApprovals, type Approvals } from '../../testing/approvals.ts'
import { removeOperator } from '../operators/remove-operator.ts'
import { setOperator } from '../operators/set-operator.ts'
import { rejectApproval } from './decide-approval.ts'
import { reportExecution } from './report-execution.ts'
import { setAutonomy, setPolicy } from './set-policy.ts'
import { timeOutApprovals } from './time-out-approvals.ts'

let at: Approvals
beforeEach(async () => void (at = await startApprovals()))
afterEach(() => at.drop())

const BY = { actor: 'operator/alice', requestId: 'request-2', traceparent: '' }
const news = () => at.act(announced)
const executable = async () =>
  (await at.act((tx) => approvals.listExecutable(tx, { owner: OWNER, afterId: '', limit: 10 }))).map(({ id }) => id)
const reject = (approvalId: string, by = 'operator/alice', when = NOW) =>
  at.act((tx) => rejectApproval(tx, when, { approvalId, by, reason: '' }))
const report = (approvalId: string, failure?: { reason: string; message: string }, owner = OWNER) =>
  at.act((tx) => reportExecution(tx, NOW, { approvalId, owner, failure }))
const halt = (halted: boolean) => at.act((tx) => setAutonomy(tx, NOW, { by: BY, halted, reason: 'smoke' }))

test('what an agent asks for waits for a person, is done once, and what came of it stands there', async () => {
  const asked = await at.waits('robot')
  expect(asked).toMatchObject({ state: 'pending', autonomous: true, approversNeeded: 1, expiresAt: after(4 * HOUR) })
  expect(await executable()).toEqual([])
  const { approval } = await at.approve(asked, 'alice')
  expect(approval).toMatchObject({ state: 'approved', votes: [{ by: 'operator/alice', approves: true }] })
  expect(await executable()).toEqual([asked.id])
  expect(await report(asked.id)).toMatchObject({ state: 'executed', executedAt: NOW })
  expect(await executable()).toEqual([])
  expect(await news()).toEqual(['approval.requested', 'approval.approved', 'approval.executed'])
})

test('all news of one approval bears the id of the request that asked for it, and none of its plan', async () => {
  const asked = await at.waits('robot', { requestId: 'request-77' })
  await at.approve(asked, 'alice')
  const { rows } = await at.act((tx) => sql<{ event: Buffer }>`select event from outbox`.execute(tx))
  const events = rows.map(({ event }) => event.toString('latin1'))
  expect(events.map((text) => text.includes('request-77'))).toEqual([true, true])
  expect(events.filter((text) => text.includes(asked.planType))).toEqual([])
})

describe('who is asked', () => {
  test('a person who may control and acts directly is the approval', async () => {
    expect(await at.ask('alice')).toEqual({ proceed: true })
    expect(await news()).toEqual([])
  })

  test('a person who may not control is asked like an agent, whatever the owner says of them', async () => {
    expect(await at.waits('vera', { countsAsApproval: true })).toMatchObject({ votes: [], autonomous: false })
  })

  test('an agent is never an approver, though its role may control', async () => {
    expect(await at.waits('bold-robot', { countsAsApproval: true })).toMatchObject({ votes: [], autonomous: true })
  })

  test('for somebody we do not know, or who is paused, nothing is queued', async () => {
    await expectRefusal(at.ask('nobody'), 'OPERATOR_UNKNOWN')
    await at.act((tx) => sql`update operator set paused = true where name = 'robot'`.execute(tx))
    await expectRefusal(at.ask('robot'), 'OPERATOR_UNKNOWN')
  })

  test('auto_approve asks nobody and tells nobody; notify_and_proceed asks nobody, and tells', async () => {
    await at.policy('auto_approve')
    expect(await at.ask('robot')).toEqual({ proceed: true })
    expect(await news()).toEqual([])
    await at.policy('notify_and_proceed')
    expect(await at.ask('robot')).toEqual({ proceed: true })
    expect(await news()).toEqual(['approval.proceeded'])
  })

  test('what is blocked is blocked for everybody, also for what waits already', async () => {
    const asked = await at.waits('robot')
    await at.policy('blocked')
    for (const who of ['robot', 'vera', 'alice']) await expectRefusal(at.ask(who), 'ACTION_BLOCKED')
    await expectRefusal(at.approve(asked, 'alice'), 'ACTION_BLOCKED')
    await reject(asked.id)
  })

  test('what was approved and then blocked is not carried out until it no longer is', async () => {
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    await at.policy('blocked')
    expect(await executable()).toEqual([])
    await at.policy('require_approval')
    expect(await executable()).toEqual([asked.id])
  })

  test('an action without a policy is refused', async () => {
    await expectRefusal(at.ask('robot', { action: 'sdwan.anything_else' }), 'ACTION_UNKNOWN')
  })
})

test('one who asks and asks does not bury what others ask for: a hundred of one wait, and no more', async () => {
  for (let n = 0; n < 100; n++) await at.waits('robot', { why: `${n}` })
  const refusal = await expectRefusal(at.ask('robot', { why: 'one more' }), 'RATE_LIMITED')
  expect(refusal.metadata).toEqual({ pending: '100' })
  await at.waits('robot', { why: '7' }) // waits already
  await at.waits('vera')
  await at.waits('robot', { why: 'later', at: after(4 * HOUR) })
})

describe('who approves', () => {
  test('who asked when one was enough, and may control by now, is not that one where it takes two', async () => {
    const asked = await at.waits('vera')
    await at.act((tx) => sql`insert into operator_role (operator, role) values ('vera', 'operator')`.execute(tx))
    await at.policy('require_approval', 2)
    expect(await at.waits('vera', { countsAsApproval: true })).toEqual(asked)
  })

  test('nobody approves what they asked for themselves', async () => {
    const asked = await at.waits('vera')
    await expectRefusal(at.approve(asked, 'vera'), 'APPROVAL_OWN_REQUEST')
  })

  test('two of two: who may control and asked for it is the first, and cannot be the second', async () => {
    await at.policy('require_approval', 2)
    const asked = await at.waits('alice')
    expect(asked).toMatchObject({ state: 'pending', votes: [{ by: 'operator/alice', approves: true }] })
    await expectRefusal(at.approve(asked, 'alice'), 'APPROVAL_OWN_REQUEST')
    expect(await at.approve(asked, 'bob')).toMatchObject({ approval: { state: 'approved' } })
  })

  test('three of three takes three different people: one who says it twice counts once', async () => {
    await at.policy('require_approval', 3)
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    expect(await at.approve(asked, 'alice')).toMatchObject({ approval: { state: 'pending' } })
    expect(await at.approve(asked, 'bob')).toMatchObject({ approval: { state: 'pending' } })
    expect(await at.approve(asked, 'carol')).toMatchObject({ approval: { state: 'approved' } })
    expect(await news()).toEqual(['approval.requested', 'approval.approved'])
  })

  test('who approves names the plan that was seen; another one is not approved', async () => {
    const asked = await at.waits('robot')
    const other = { ...asked, planSha256: planTo('something else').sha256 }
    await expectRefusal(at.approve(other, 'alice'), 'APPROVAL_PLAN_MISMATCH')
  })

  test('the vote of somebody who was locked out since does not count', async () => {
    await at.policy('require_approval', 2)
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    await at.act((tx) => sql`update operator set paused = true where name = 'alice'`.execute(tx))
    expect(await at.approve(asked, 'bob')).toMatchObject({ approval: { state: 'pending' } })
    expect(await at.approve(asked, 'carol')).toMatchObject({ approval: { state: 'approved' } })
  })

  test('two who approve at once: approved once, announced once', async () => {
    const asked = await at.waits('robot')
    const both = await Promise.allSettled([at.approve(asked, 'alice'), at.approve(asked, 'bob')])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await news()).toEqual(['approval.requested', 'approval.approved'])
    expect(await executable()).toEqual([asked.id])
  })

  test('saying it again, because the answer was lost, gives the same answer', async () => {
    const asked = await at.waits('robot')
    const first = await at.approve(asked, 'alice')
    expect(await at.approve(asked, 'alice', after(5 * HOUR))).toEqual(first)
    const other = await at.waits('vera')
    const no = await reject(other.id)
    expect(await reject(other.id)).toEqual(no)
  })

  test('one person is enough to reject, who asked for it too, and nobody approves afterwards', async () => {
    await at.policy('require_approval', 2)
    const asked = await at.waits('alice')
    expect(await reject(asked.id)).toMatchObject({ approval: { state: 'rejected' } })
    await expectRefusal(at.approve(asked, 'bob'), 'APPROVAL_OVER')
    await expectRefusal(reject(asked.id, 'operator/bob'), 'APPROVAL_OVER')
  })

  test('what is approved can no longer be rejected', async () => {
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    await expectRefusal(reject(asked.id, 'operator/bob'), 'APPROVAL_OVER')
  })
})

describe('asking again', () => {
  test('the same plan of the same person is the same approval, however many ask at once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => at.waits('robot')))
    expect(new Set(all.map(({ id }) => id)).size).toBe(1)
    expect(await news()).toEqual(['approval.requested'])
  })

  test('another plan, or the same of another person, is another approval', async () => {
    const all = [await at.waits('robot'), await at.waits('robot', { why: 'else' }), await at.waits('vera')]
    expect(new Set(all.map(({ id }) => id)).size).toBe(3)
  })

  test('what was rejected can be asked for anew, and so can what nobody approved in time', async () => {
    const first = await at.waits('robot')
    await reject(first.id)
    const second = await at.waits('robot')
    const third = await at.waits('robot', { at: after(APPROVAL_TTL_MS) })
    expect(new Set([first.id, second.id, third.id]).size).toBe(3)
    expect(await at.act((tx) => approvals.find(tx, second.id))).toMatchObject({ state: 'timed_out' })
  })
})

describe('the time-out', () => {
  const sweep = (when: Date) => at.act((tx) => timeOutApprovals(tx, when))

  test('comes after four hours, to the millisecond, and is a rejection', async () => {
    const asked = await at.waits('robot')
    expect(await sweep(after(APPROVAL_TTL_MS - 1))).toBe(0)
    expect(await sweep(after(APPROVAL_TTL_MS))).toBe(1)
    expect(await sweep(after(APPROVAL_TTL_MS))).toBe(0)
    await expectRefusal(at.approve(asked, 'alice', after(APPROVAL_TTL_MS - 1)), 'APPROVAL_OVER')
    expect(await news()).toEqual(['approval.requested', 'approval.timed-out'])
  })

  test('is decided by who comes late, when nobody has swept yet', async () => {
    const asked = await at.waits('robot')
    const late = await at.approve(asked, 'alice', after(APPROVAL_TTL_MS))
    expect(late).toMatchObject({ inTime: false, approval: { state: 'timed_out', votes: [] } })
    expect(await executable()).toEqual([])
  })

  test('an approval that arrives as the time-out fires: one outcome, told once, ten times over', async () => {
    for (let round = 0; round < 10; round++) {
      const asked = await at.waits('robot', { why: `round ${round}` })
      const edge = asked.expiresAt
      const [said] = await Promise.allSettled([
        at.approve(asked, 'alice', new Date(edge.getTime() - 1)),
        sweep(edge),
        at.approve(asked, 'bob', edge),
      ])
      const stands = await at.act((tx) => approvals.find(tx, asked.id))
      expect(['approved', 'timed_out']).toContain(stands?.state)
      expect(said.status === 'fulfilled').toBe(stands?.state === 'approved')
    }
    const told = await news()
    expect(told.filter((word) => word !== 'approval.requested').length).toBe(10)
  })
})

describe('what came of it', () => {
  test('a failure after approval stands on it for good, and is announced as high', async () => {
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    const failure = { reason: 'PEER_NOT_FOUND', message: 'there is no such peer' }
    const failed = await report(asked.id, failure)
    expect(failed).toMatchObject({ state: 'failed', failureReason: failure.reason, failureMessage: failure.message })
    expect(await report(asked.id, failure)).toEqual(failed)
    await expectRefusal(report(asked.id), 'APPROVAL_OVER')
    const { rows } = await at.act((tx) =>
      sql<{ event: Buffer }>`select event from outbox order by position desc limit 1`.execute(tx),
    )
    expect(rows[0]?.event.toString('latin1')).toContain('federation.approval.failed')
  })

  test('only its owner reports it, and only when it was approved', async () => {
    const asked = await at.waits('robot')
    await expectRefusal(report(asked.id), 'APPROVAL_OVER')
    await at.approve(asked, 'alice')
    await expectRefusal(report(asked.id, undefined, 'service/liveness'), 'APPROVAL_NOT_FOUND')
  })
})

describe('while agents are halted', () => {
  test('they ask in vain, what was approved for them waits, and people go on', async () => {
    const [byRobot, byVera] = [await at.waits('robot'), await at.waits('vera')]
    await at.approve(byRobot, 'alice')
    await at.approve(byVera, 'alice', after(1))
    expect(await halt(true)).toMatchObject({ halted: true, setBy: 'operator/alice', since: NOW })
    await expectRefusal(at.ask('robot'), 'AUTONOMY_HALTED')
    expect(await at.ask('alice')).toEqual({ proceed: true })
    expect(await executable()).toEqual([byVera.id])
    expect(await at.act(approvals.countExecutable)).toEqual(new Map([[OWNER, 1]]))
    await halt(false)
    expect(await executable()).toEqual([byRobot.id, byVera.id])
    expect((await news()).slice(-2)).toEqual(['approval.halted', 'approval.resumed'])
  })
})

test('what an agent was approved waits while that very agent is paused', async () => {
  const asked = await at.waits('robot')
  await at.approve(asked, 'alice')
  await at.act((tx) => sql`update operator set paused = true where name = 'robot'`.execute(tx))
  expect(await executable()).toEqual([])
  await at.act((tx) => sql`update operator set paused = false where name = 'robot'`.execute(tx))
  expect(await executable()).toEqual([asked.id])
})

test('what was asked for in a name is not done for the next who bears it', async () => {
  const [approved, pending] = [await at.waits('robot'), await at.waits('robot', { why: 'it left, again' })]
  await at.approve(approved, 'alice')
  const by = {
    permissions: new Set(PERMISSIONS),
    cause: { actor: 'operator/root', correlationId: 'c', traceparent: '' },
  }
  await at.act((tx) => removeOperator(tx, NOW, { name: 'robot', by }))
  expect(await executable()).toEqual([])
  const said = { name: 'robot', kind: 'agent', roles: ['agent'], paused: false, note: '', oidcSubjects: [] } as const
  await at.act((tx) => setOperator(tx, NOW, { said, by }))
  expect(await executable()).toEqual([])
  const states = await at.act(async (tx) => [
    await approvals.find(tx, approved.id),
    await approvals.find(tx, pending.id),
  ])
  expect(states.map((one) => [one?.state, one?.failureReason])).toEqual([['failed', 'OPERATOR_UNKNOWN'], ['rejected', '']]) // prettier-ignore
  expect((await news()).slice(-3).toSorted()).toEqual(['approval.failed', 'approval.rejected', 'operator.set'])
})

test('a policy is set and announced; what waits needs as many as it did', async () => {
  const asked = await at.waits('robot')
  const said = { by: BY, action: REVOKE, verb: 'require_approval', approvers: 2 } as const
  expect(await at.act((tx) => setPolicy(tx, NOW, said))).toMatchObject({ approvers: 2, setBy: 'operator/alice' })
  await at.act((tx) => setPolicy(tx, NOW, { ...said, approvers: 0 }))
  expect(await news()).toEqual(['approval.requested', 'approval.policy-set'])
  expect(await at.approve(asked, 'alice')).toMatchObject({ approval: { state: 'approved' } })
})

describe('no secret rests in an approval', () => {
  const token = 'pni1.abcdefghijklmnopqrstuvwxyz012345'
  const bearer = `fg-${PEER}.abcdefghijklmnopqrstuvwxyz0123456789`

  test.each([token, bearer])('%s is refused in a plan, in its summary and in its effects', async (secret) => {
    await expectRefusal(at.ask('robot', { why: secret, summary: 'x' }), 'REQUEST_INVALID')
    await expectRefusal(at.ask('robot', { summary: `with ${secret}` }), 'REQUEST_INVALID')
    await expectRefusal(at.ask('robot', { effects: [`with ${secret}`] }), 'REQUEST_INVALID')
  })
})

describe('the database refuses too', () => {
  const update = (id: string, set: string) =>
    at.act((tx) => sql`update approval set ${sql.raw(set)} where id = ${id}`.execute(tx))

  test('another plan, another owner, a longer time', async () => {
    const { id } = await at.waits('robot')
    for (const set of [`plan = 'x'`, `owner = 'service/x'`, `expires_at = expires_at + interval '1 hour'`])
      await expect(update(id, `${set}, state = 'approved', decided_at = requested_at`)).rejects.toThrow('rewritten')
  })

  test('a move that is none', async () => {
    const { id } = await at.waits('robot')
    await reject(id)
    await expect(update(id, `state = 'approved'`)).rejects.toThrow('cannot become')
  })

  test('an approval that begins as anything but pending, and a vote on one that is decided', async () => {
    const { id } = await at.waits('robot')
    const begins = sql`
      insert into approval select gen_random_uuid(), action, 'approved', summary, effects, plan_type, plan, plan_sha256,
        owner, requested_by, requested_at, expires_at, approvers_needed, autonomous, peer_id, request_id, requested_at
      from approval where id = ${id}`
    await expect(at.act((tx) => begins.execute(tx))).rejects.toThrow('begins as approved')
    await reject(id)
    const vote = sql`insert into approval_vote values (${id}, 'operator/bob', true, '', ${NOW})`
    await expect(at.act((tx) => vote.execute(tx))).rejects.toThrow('is decided')
  })

  test('a vote taken back', async () => {
    const asked = await at.waits('robot')
    await at.approve(asked, 'alice')
    await expect(at.act((tx) => sql`delete from approval_vote`.execute(tx))).rejects.toThrow('permission denied')
  })
})
