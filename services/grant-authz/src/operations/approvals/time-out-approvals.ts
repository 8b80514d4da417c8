import { appendAll } from '@powernode/events'
import { timeOut } from '../../approval.ts'
import { approvalMoved } from '../../events/approvals.ts'
import * as approvals from '../../store/approvals.ts'
import type { GrantTx } from '../../store/tables.ts'

/** Nobody did it: time passed. */
export const BY_TIME = 'service/grant-authz'
const AT_ONCE = 500

/** What nobody approved in time is rejected. One that somebody is deciding at this moment is left to them. */
export async function timeOutApprovals(tx: GrantTx, now: Date): Promise<number> {
  const due = await approvals.lockDue(tx, now, AT_ONCE)
  const over = due.map((before) => ({ before, after: timeOut(before, now) }))
  for (const { after } of over) await approvals.save(tx, after)
  await appendAll(
    tx,
    over.map(({ before, after }) => approvalMoved('timed-out', after, { at: now, actor: BY_TIME, before })),
  )
  return over.length
}
