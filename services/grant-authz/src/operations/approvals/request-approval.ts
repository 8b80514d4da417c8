import { planSha256 } from '@powernode/approvals'
import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { approve, APPROVAL_TTL_MS, isDue, timeOut, type Approval, type Vote } from '../../approval.ts'
import { checkNoSecret, judge, type ApprovalPolicy, type Requester } from '../../approval-policy.ts'
import { approvalMoved } from '../../events/approvals.ts'
import * as policies from '../../store/approval-policies.ts'
import * as approvals from '../../store/approvals.ts'
import * as requesters from '../../store/requesters.ts'
import type { GrantTx } from '../../store/tables.ts'
import { BY_TIME } from './time-out-approvals.ts'

export type ApprovalSaid = {
  readonly action: string
  readonly summary: string
  readonly effects: readonly string[]
  readonly plan: { readonly typeUrl: string; readonly value: Uint8Array }
  /** `service/<name>`: who asks, and will carry it out. */
  readonly owner: string
  /** `operator/<name>`: for whom. The owner itself, when it acts by itself. */
  readonly requestedBy: string
  readonly peerId: string | null
  readonly requestId: string
  /** The owner says that the requester may control. What we know of them ourselves has to agree. */
  readonly countsAsApproval: boolean
}

/** Either it may be done at once, or it waits. */
export type ApprovalAnswer = { readonly proceed: true } | { readonly proceed: false; readonly approval: Approval }

/**
 * An act is to be done: its policy says whether it may be done at once, or waits for people.
 *
 * The same plan that the same person is waiting for already is the same approval. A requester who may control is the
 * first approver. Heard by audit-ledger.
 */
export async function requestApproval(tx: GrantTx, now: Date, said: ApprovalSaid): Promise<ApprovalAnswer> {
  checkNoSecret(said.summary, said.effects, said.plan.value)
  const policy = await policies.find(tx, said.action)
  if (!policy)
    throw new Refusal('ACTION_UNKNOWN', `there is no policy for ${said.action}`, { next: 'fedctl policy list' })
  const requester = await requesterOf(tx, said)
  const ruling = judge(policy, await policies.autonomy(tx), requester)
  const asked = askedFor(said, now, { policy, requester })
  if (ruling === 'tell') await append(tx, approvalMoved('proceeded', asked, { at: now, actor: said.requestedBy }))
  if (ruling !== 'wait') return { proceed: true }
  const waiting = await queued(tx, now, asked)
  // What waits already may have been asked for when it took fewer: asking again is a vote as far as it would be one today.
  const counts = requester.isApprover && waiting.approversNeeded >= asked.approversNeeded
  return { proceed: false, approval: counts ? await approvedByAsking(tx, now, waiting) : waiting }
}

async function requesterOf(tx: GrantTx, { requestedBy, countsAsApproval, owner }: ApprovalSaid): Promise<Requester> {
  if (requestedBy === owner) return { agent: true, isApprover: false } // a service that acts by itself
  const known = await requesters.find(tx, requestedBy.slice('operator/'.length))
  if (!known)
    throw new Refusal('OPERATOR_UNKNOWN', `${requestedBy} is no operator here, or may do nothing for now`, {
      next: 'fedctl operator list',
    })
  return { agent: known.agent, isApprover: countsAsApproval && known.mayControl && !known.agent }
}

/** Queues it, or finds what waits already. What is over by now, unseen, does not stand in its way. */
async function queued(tx: GrantTx, now: Date, asked: Approval): Promise<Approval> {
  const before = await approvals.lockPending(tx, asked)
  if (before && !isDue(before, now)) return before
  if (before) {
    const over = timeOut(before, now)
    await approvals.save(tx, over)
    await append(tx, approvalMoved('timed-out', over, { at: now, actor: BY_TIME, before }))
  }
  await refuseFlood(tx, now, asked.requestedBy)
  if (await approvals.insert(tx, asked)) {
    await append(tx, approvalMoved('requested', asked, { at: now, actor: asked.requestedBy }))
    return asked
  }
  return queued(tx, now, asked) // somebody else was quicker
}

/** So much of one requester waits at a time: more would hide from people what others ask for. */
const MOST_PENDING = 100

async function refuseFlood(tx: GrantTx, now: Date, requestedBy: string): Promise<void> {
  const pending = await approvals.countPending(tx, now, requestedBy)
  if (pending < MOST_PENDING) return
  throw new Refusal('RATE_LIMITED', `${pending} acts that ${requestedBy} asked for wait to be approved already`, {
    metadata: { pending: String(pending) },
    next: 'fedctl approval list',
  })
}

async function approvedByAsking(tx: GrantTx, now: Date, waiting: Approval): Promise<Approval> {
  const { requestedBy: by, votes } = waiting
  if (votes.some((vote) => vote.by === by)) return waiting
  const vote: Vote = { by, approves: true, reason: 'asked for it', at: now }
  const after = approve(waiting, vote, await requesters.approvers(tx))
  await approvals.addVote(tx, waiting.id, vote)
  if (after.state !== 'pending') {
    await approvals.save(tx, after)
    await append(tx, approvalMoved('approved', after, { at: now, actor: by, before: waiting }))
  }
  return after
}

function askedFor(
  said: ApprovalSaid,
  now: Date,
  { policy, requester }: { policy: ApprovalPolicy; requester: Requester },
): Approval {
  const { action, summary, effects, plan, owner, requestedBy, peerId, requestId } = said
  return {
    id: newId(now),
    action, summary, effects, owner, requestedBy, peerId, requestId,
    state: 'pending',
    planType: plan.typeUrl,
    plan: Buffer.from(plan.value),
    planSha256: planSha256(action, plan),
    requestedAt: now,
    expiresAt: new Date(now.getTime() + APPROVAL_TTL_MS),
    approversNeeded: policy.approvers,
    autonomous: requester.agent,
    decidedAt: null,
    executedAt: null,
    failureReason: '',
    failureMessage: '',
    votes: [],
  } // prettier-ignore
}
