import { append } from '@powernode/events'
import { execute, type Approval } from '../../approval.ts'
import { approvalMoved } from '../../events/approvals.ts'
import * as approvals from '../../store/approvals.ts'
import type { GrantTx } from '../../store/tables.ts'
import { lockKnown, notFound } from './decide-approval.ts'

/**
 * The owner says what came of an approved act; a failure stands on the approval for good, and is announced as high.
 *
 * The same report again is harmless: an answer may have been lost. Heard by audit-ledger.
 */
export async function reportExecution(
  tx: GrantTx,
  now: Date,
  said: { approvalId: string; owner: string; failure: { reason: string; message: string } | undefined },
): Promise<Approval> {
  const before = await lockKnown(tx, said.approvalId)
  if (before.owner !== said.owner) throw notFound(said.approvalId)
  const { failure } = said
  if (before.state === (failure ? 'failed' : 'executed') && before.failureReason === (failure?.reason ?? ''))
    return before
  const after = execute(before, now, failure)
  await approvals.save(tx, after)
  await append(tx, approvalMoved(failure ? 'failed' : 'executed', after, { at: now, actor: said.owner, before }))
  return after
}
