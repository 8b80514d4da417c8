import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { invitationChanged, type By } from '../events.ts'
import { statusOf, type Invitation } from '../invitation.ts'
import * as invitations from '../store/invitations.ts'
import type { Tables } from '../store/tables.ts'

/** Takes an invitation back. One that was redeemed cannot be: then the peer has to be revoked. */
export async function revokeInvitation(
  tx: Tx<Tables>,
  now: Date,
  said: { by: By; invitationId: string },
): Promise<Invitation> {
  const invitation = await invitations.lock(tx, said.invitationId)
  const status = statusOf(invitation, now)
  if (status === 'revoked') return invitation
  if (status === 'redeemed')
    throw new Refusal('INVITATION_SPENT', 'this invitation has been redeemed', {
      next: `to end the peering: fedctl peer revoke ${invitation.peerId}`,
    })
  const revoked: Invitation = { ...invitation, revokedAt: now }
  await invitations.save(tx, revoked)
  await invitationChanged(tx, said.by, { invitation: revoked, word: 'revoked', at: now })
  return revoked
}
