import { append } from '@powernode/events'
import { execute, reject, type Vote } from '../../approval.ts'
import { approvalMoved } from '../../events/approvals.ts'
import * as approvals from '../../store/approvals.ts'
import type { GrantTx } from '../../store/tables.ts'

/**
 * A name is given to somebody new: what waits in that name was asked for by another, and is done no more. What was approved
 * already has failed: nothing was carried out while nobody bore the name. Heard by audit-ledger.
 */
export async function closeApprovals(
  tx: GrantTx,
  now: Date,
  { requestedBy, by }: { requestedBy: string; by: string },
): Promise<void> {
  const message = `whoever asked was let go, and ${requestedBy} is somebody new`
  for (const before of await approvals.lockOpenOf(tx, requestedBy)) {
    if (before.state === 'approved') {
      const after = execute(before, now, { reason: 'OPERATOR_UNKNOWN', message })
      await approvals.save(tx, after)
      await append(tx, approvalMoved('failed', after, { at: now, actor: by, before }))
      continue
    }
    const vote: Vote = { by, approves: false, reason: message, at: now }
    const after = reject(before, vote)
    await approvals.addVote(tx, before.id, vote)
    await approvals.save(tx, after)
    await append(tx, approvalMoved('rejected', after, { at: now, actor: by, before }))
  }
}
