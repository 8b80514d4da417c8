import { timingSafeEqual } from 'node:crypto'
import { Refusal } from '@powernode/rpc'

export const APPROVAL_STATES = ['pending', 'approved', 'rejected', 'timed_out', 'executed', 'failed'] as const
export type ApprovalState = (typeof APPROVAL_STATES)[number]
export type ApprovalMove = 'approve' | 'reject' | 'timeOut' | 'execute' | 'fail'

/** Where each move leads; one that is not here is refused. */
export const APPROVAL_MOVES: Readonly<Record<ApprovalState, Readonly<Partial<Record<ApprovalMove, ApprovalState>>>>> = {
  pending: { approve: 'approved', reject: 'rejected', timeOut: 'timed_out' },
  approved: { execute: 'executed', fail: 'failed' },
  rejected: {},
  timed_out: {},
  executed: {},
  failed: {},
}

/** How long an act waits to be approved; then it is rejected by itself. */
export const APPROVAL_TTL_MS = 4 * 3_600_000

export type Vote = { readonly by: string; readonly approves: boolean; readonly reason: string; readonly at: Date }

/** One act that waits, or waited, to be approved. */
export type Approval = {
  readonly id: string
  readonly action: string
  readonly state: ApprovalState
  readonly summary: string
  readonly effects: readonly string[]
  readonly planType: string
  readonly plan: Buffer
  readonly planSha256: Buffer
  /** `service/<name>`: who carries it out. */
  readonly owner: string
  /** `operator/<name>`, or the owner itself. */
  readonly requestedBy: string
  readonly requestedAt: Date
  /** From this moment on it can no longer be approved. */
  readonly expiresAt: Date
  readonly approversNeeded: number
  /** Asked for by an agent. */
  readonly autonomous: boolean
  readonly peerId: string | null
  readonly requestId: string
  readonly decidedAt: Date | null
  readonly executedAt: Date | null
  readonly failureReason: string
  readonly failureMessage: string
  /** Oldest first. Each person approves once at most, and may still reject then. */
  readonly votes: readonly Vote[]
}

/** Whether its time is over although nobody has noted that yet. */
export const isDue = ({ state, expiresAt }: Approval, now: Date): boolean => state === 'pending' && expiresAt <= now

/**
 * One more person approves; the last one that is needed makes it approved. Whoever asked for it approves only by having
 * asked. `approvers` are those who may approve at this moment: the vote of somebody who no longer may does not count.
 */
export function approve(approval: Approval, vote: Vote, approvers: ReadonlySet<string>): Approval {
  const votes = [...approval.votes, vote]
  const counted = votes.filter(({ by, approves }) => approves && approvers.has(by))
  if (counted.length >= approval.approversNeeded) return { ...moved(approval, 'approve', vote.at), votes }
  checkMove(approval, 'approve')
  return { ...approval, votes }
}

/** One person is enough to reject. */
export const reject = (approval: Approval, vote: Vote): Approval => ({
  ...moved(approval, 'reject', vote.at),
  votes: [...approval.votes, vote],
})

export const timeOut = (approval: Approval, now: Date): Approval => moved(approval, 'timeOut', now)

/** What came of it, as its owner says. */
export function execute(
  approval: Approval,
  now: Date,
  failure: { reason: string; message: string } | undefined,
): Approval {
  const state = checkMove(approval, failure ? 'fail' : 'execute')
  const said = failure ? { failureReason: failure.reason, failureMessage: failure.message } : {}
  return { ...approval, ...said, state, executedAt: now }
}

const moved = (approval: Approval, move: ApprovalMove, decidedAt: Date): Approval => ({
  ...approval,
  state: checkMove(approval, move),
  decidedAt,
})

function checkMove({ id, state }: Approval, move: ApprovalMove): ApprovalState {
  const next = APPROVAL_MOVES[state][move]
  if (next) return next
  throw new Refusal('APPROVAL_OVER', `approval ${id} is ${WORDS[state]} already`, {
    metadata: { state },
    next: `fedctl approval show ${id}`,
  })
}

const WORDS: Readonly<Record<ApprovalState, string>> = {
  pending: 'pending',
  approved: 'approved',
  rejected: 'rejected',
  timed_out: 'rejected by time-out',
  executed: 'carried out',
  failed: 'carried out, and failed',
}

/** MUST hold before a vote counts: what the approver saw is what will be done, and it is not his own request. */
export function checkApprover(approval: Approval, { by, planSha256 }: { by: string; planSha256: Uint8Array }): void {
  const { id } = approval
  if (planSha256.length !== approval.planSha256.length || !timingSafeEqual(planSha256, approval.planSha256))
    throw new Refusal('APPROVAL_PLAN_MISMATCH', `approval ${id} is about another plan than the one you saw`, {
      metadata: { plan_sha256: approval.planSha256.toString('hex') },
      next: `fedctl approval show ${id}`,
    })
  if (approval.requestedBy === by)
    throw new Refusal('APPROVAL_OWN_REQUEST', `${by} asked for it: somebody else has to approve`, {
      next: `fedctl approval show ${id}`,
    })
}
