import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db, type Tx } from '@powernode/postgres'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { sql } from 'kysely'
import { claim, noteFault, settle, type Outcome } from './executed.ts'
import type { AfterCommit, Executor } from './executor.ts'
import { planSha256 } from './plan.ts'

/** After so many faults the act counts as failed: nobody is kept waiting for what will not come. */
export const MOST_FAULTS = 5

export type ExecuteDeps<DB> = {
  readonly db: Db<DB>
  readonly clock: Clock
  /** `service/<name>`: us. */
  readonly owner: string
  readonly executors: Readonly<Record<string, Executor<DB>>>
}

/**
 * Carries out what was approved, once: the act and the note that it was done are one transaction.
 *
 * Whoever comes later, after a crash or in another replica, finds the note and does nothing. A refusal of the act is its
 * outcome, for good: what was approved can no longer be done, and is not tried until it can. A fault is thrown.
 */
export async function executeApproved<DB>(
  { db, clock, owner, executors }: ExecuteDeps<DB>,
  approval: Approval,
  signal: AbortSignal,
): Promise<Outcome> {
  const { outcome, after } = await inTransaction(db, async (tx) => {
    const now = clock.now()
    const before = await claim(tx, approval.id, now)
    if (before.outcome !== 'trying') return { outcome: before, after: undefined }
    const done = await attempt(tx, (inner) => perform(inner, now, { approval, owner, executors }))
    const outcome: Outcome = { ...before, ...done.outcome }
    await settle(tx, approval.id, now, outcome)
    return { outcome, after: done.after }
  })
  await after?.(signal)
  return outcome
}

/** Notes a fault; the one too many is the outcome. */
export async function countFault<DB>({ db, clock }: ExecuteDeps<DB>, approval: Approval): Promise<Outcome> {
  return inTransaction(db, async (tx) => {
    const now = clock.now()
    const before = await claim(tx, approval.id, now)
    if (before.outcome !== 'trying') return before
    const attempts = await noteFault(tx, approval.id)
    if (attempts < MOST_FAULTS) return { ...before, attempts }
    const failureMessage = `it ended in a fault ${attempts} times; the log of ${approval.owner} says why, under request ${approval.requestId}`
    const outcome: Outcome = { outcome: 'failed', attempts, failureReason: 'FAULT', failureMessage }
    await settle(tx, approval.id, now, outcome)
    return outcome
  })
}

const EXECUTED = { outcome: 'executed', failureReason: '', failureMessage: '' } as const

type Done = { readonly outcome: Omit<Outcome, 'attempts'>; readonly after: AfterCommit | undefined }

/** What the act came to. Of one that was refused nothing stays, but the transaction goes on, to note the refusal. */
async function attempt<DB>(tx: Tx<DB>, act: (tx: Tx<DB>) => Promise<AfterCommit | undefined>): Promise<Done> {
  await sql`savepoint act`.execute(tx)
  try {
    return { outcome: EXECUTED, after: await act(tx) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    await sql`rollback to savepoint act`.execute(tx)
    const { reason: failureReason, message } = error
    return { outcome: { outcome: 'failed', failureReason, failureMessage: message.slice(0, 1_000) }, after: undefined }
  }
}

/** What was approved, to the letter, or nothing. */
async function perform<DB>(
  tx: Tx<DB>,
  now: Date,
  { approval, owner, executors }: { approval: Approval } & Pick<ExecuteDeps<DB>, 'owner' | 'executors'>,
): Promise<AfterCommit | undefined> {
  const { id, action, plan = create(AnySchema), requestedBy: actor, requestId } = approval
  const sha256 = planSha256(action, plan)
  if (!sha256.equals(approval.planSha256))
    throw new Refusal('APPROVAL_PLAN_MISMATCH', 'the plan is not the one that was approved')
  const known = Object.hasOwn(executors, action) ? executors[action] : undefined
  if (!known || approval.owner !== owner) throw new Refusal('ACTION_UNKNOWN', `${owner} does not carry out ${action}`)
  return known.run(tx, now, plan, { actor, requestId, approvalId: id, planSha256: sha256 })
}
