import { secretInPlan } from '@powernode/approvals'
import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import * as heldInvitations from '../store/held-invitations.ts'
import type { HeldKey } from '../store/held-invitations.ts'
import type { Tables } from '../store/tables.ts'

/** Keeps an invitation, sealed, while somebody has to approve that it is taken up. Saying it again changes nothing. */
export async function holdInvitation(
  tx: Tx<Tables>,
  now: Date,
  { us, key, invitation, approvalId }: { us: Us; key: HeldKey; invitation: string; approvalId: string | undefined },
): Promise<void> {
  const sealed = us.sealing.seal(Buffer.from(invitation), SEALED.heldInvitation(key))
  await heldInvitations.put(tx, now, { ...key, sealed, approvalId })
}

/** Takes out the invitation that was held for a plan. It MUST be the one whose digest stands in the plan. */
export async function takeHeldInvitation(
  tx: Tx<Tables>,
  { us, key, inPlan }: { us: Us; key: HeldKey; inPlan: string },
): Promise<string> {
  const sealed = await heldInvitations.take(tx, key)
  const invitation = sealed && us.sealing.open(sealed, SEALED.heldInvitation(key)).toString()
  if (invitation !== undefined && secretInPlan(invitation) === inPlan) return invitation
  throw new Refusal('INVITATION_NOT_FOUND', 'the invitation that was to be taken up is held here no more', {
    next: 'take it up anew: fedctl peer accept <invitation>',
  })
}
