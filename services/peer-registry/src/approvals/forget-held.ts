import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { inTransaction, type Db } from '@powernode/postgres'
import type { Logger } from '@powernode/process'
import type { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
import { DAY_MS } from '../invitation.ts'
import * as heldInvitations from '../store/held-invitations.ts'
import type { Tables } from '../store/tables.ts'

export type ForgetHeldDeps = {
  readonly db: Db<Tables>
  readonly approvals: Pick<Client<typeof ApprovalService>, 'getApproval'>
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 5_000
/** What is pending can still be approved, and what is approved has still to be carried out. */
const OPEN = ['pending', 'approved']

/**
 * Lets go of invitations that were held for an approval that is over: rejected, timed out, failed.
 *
 * What is carried out takes its invitation with it. One whose approval was never asked for goes after a day.
 */
export async function forgetHeld(deps: ForgetHeldDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger } = deps
  while (!signal.aborted) {
    try {
      const count = (await forgetOver(deps, signal)) + (await forgetUnasked(deps))
      if (count > 0) logger.info({ task: 'held_invitations', count }, 'held invitations are gone')
    } catch (error) {
      if (signal.aborted) return
      logger.warn({ task: 'held_invitations', error }, 'held invitations cannot be looked at; it is tried again')
    }
    await clock.sleep(EVERY_MS, signal)
  }
}

async function forgetUnasked({ db, clock }: ForgetHeldDeps): Promise<number> {
  const moment = new Date(clock.now().getTime() - DAY_MS)
  return inTransaction(db, (tx) => heldInvitations.removeUnasked(tx, moment))
}

async function forgetOver({ db, approvals }: ForgetHeldDeps, signal: AbortSignal): Promise<number> {
  let count = 0
  for (const approvalId of await inTransaction(db, heldInvitations.listApprovals)) {
    if (await isOpen(approvals, approvalId, signal)) continue
    count += await inTransaction(db, (tx) => heldInvitations.removeOf(tx, approvalId))
  }
  return count
}

async function isOpen(
  approvals: ForgetHeldDeps['approvals'],
  approvalId: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const { approval } = await approvals.getApproval({ approvalId }, { signal })
    return OPEN.includes(approval?.state ?? '')
  } catch (error) {
    if (refusalOf(error)?.reason === 'APPROVAL_NOT_FOUND') return false
    throw error
  }
}
