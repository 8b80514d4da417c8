import { append } from '@powernode/events'
import { blocked } from '@powernode/approvals'
import { Refusal } from '@powernode/rpc'
import { approve, checkApprover, isDue, reject, timeOut, type Approval, type Vote } from '../../approval.ts'
import { approvalMoved } from '../../events/approvals.ts'
import * as policies from '../../store/approval-policies.ts'
import * as approvals from '../../store/approvals.ts'
import * as requesters from '../../store/requesters.ts'
import type { GrantTx } from '../../store/tables.ts'
import { BY_TIME } from './time-out-approvals.ts'

export type Said = { readonly approvalId: string; readonly by: string; readonly reason: string }

/** An approval as it stands now; `inTime` is false for one whose time was over, which this very call has noted. */
export type Decided = { readonly approval: Approval; readonly inTime: boolean }

/**
 * One more person approves, and the last one needed makes it approved: its owner is told by the commit.
 *
 * The row's lock decides between two who approve at once, and between the last approver and the time-out. Saying it again
 * is harmless. Heard by audit-ledger.
 */
export async function approveApproval(
  tx: GrantTx,
  now: Date,
  { approvalId, by, reason, planSha256 }: Said & { readonly planSha256: Uint8Array },
): Promise<Decided> {
  const before = await lockKnown(tx, approvalId)
  checkApprover(before, { by, planSha256 })
  if (hasSaid(before, by, true)) return { approval: before, inTime: true }
  if (isDue(before, now)) return timedOut(tx, now, before)
  const vote: Vote = { by, approves: true, reason, at: now }
  const after = approve(before, vote, await requesters.approvers(tx))
  if ((await policies.find(tx, before.action))?.verb === 'blocked') throw blocked(before.action)
  await approvals.addVote(tx, before.id, vote)
  if (after.state !== 'pending') {
    await approvals.save(tx, after)
    await append(tx, approvalMoved('approved', after, { at: now, actor: by, before }))
  }
  return { approval: after, inTime: true }
}

/** One person rejects, and that is that: whoever asked for it may, too. Saying it again is harmless. */
export async function rejectApproval(tx: GrantTx, now: Date, { approvalId, by, reason }: Said): Promise<Decided> {
  const before = await lockKnown(tx, approvalId)
  if (hasSaid(before, by, false)) return { approval: before, inTime: true }
  if (isDue(before, now)) return timedOut(tx, now, before)
  const vote: Vote = { by, approves: false, reason, at: now }
  const after = reject(before, vote)
  await approvals.addVote(tx, before.id, vote)
  await approvals.save(tx, after)
  await append(tx, approvalMoved('rejected', after, { at: now, actor: by, before }))
  return { approval: after, inTime: true }
}

/** The row of an approval, locked: first of all, because it decides who comes first. */
export async function lockKnown(tx: GrantTx, id: string): Promise<Approval> {
  const approval = await approvals.lock(tx, id)
  if (!approval) throw notFound(id)
  return approval
}

export const notFound = (id: string): Refusal =>
  new Refusal('APPROVAL_NOT_FOUND', `there is no approval ${id}`, { next: 'fedctl approval list' })

const hasSaid = ({ votes }: Approval, by: string, approves: boolean): boolean =>
  votes.some((vote) => vote.by === by && vote.approves === approves)

async function timedOut(tx: GrantTx, now: Date, before: Approval): Promise<Decided> {
  const approval = timeOut(before, now)
  await approvals.save(tx, approval)
  await append(tx, approvalMoved('timed-out', approval, { at: now, actor: BY_TIME, before }))
  return { approval, inTime: false }
}
