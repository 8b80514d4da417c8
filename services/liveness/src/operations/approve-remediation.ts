import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { isOtherName } from '../remediation/signal.ts'
import type { Reason } from '../remediation/types.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'

/**
 * People have approved that a peer be remedied: the loop looks at it in its next tick, probes it anew, and may then act.
 *
 * Approved is the act on this trouble, whichever of its two names it has meanwhile. If it is over, there is nothing to do.
 */
export async function approveRemediation(
  tx: Tx<Tables>,
  now: Date,
  { peerId, reason, approvalId }: { peerId: string; reason: Reason; approvalId: string },
): Promise<void> {
  const open = await signals.lockOpen(tx, [peerId])
  const signal = open.find((one) => one.reason === reason || isOtherName(one.reason, reason))
  if (!signal) {
    throw new Refusal('SIGNAL_NOT_FOUND', `of peer ${peerId} no signal ${reason} is open any more`, {
      metadata: { peer_id: peerId, signal_reason: reason },
      next: `fedctl signal list --peer ${peerId}`,
    })
  }
  await signals.write(tx, [{ ...signal, approvalId, nextLookAt: now }])
}

/** People were asked: which approval the decision waits for, and that about this trouble they are asked no more. */
export async function noteApproval(
  tx: Tx<Tables>,
  _now: Date,
  { remediationId, signalId, approvalId }: { remediationId: string; signalId: string; approvalId: string },
): Promise<void> {
  await remediations.noteApproval(tx, remediationId, approvalId)
  await signals.noteAsked(tx, signalId, approvalId)
}
