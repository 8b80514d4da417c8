import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import { checkBootTtl, type Invitation } from '../invitation.ts'
import * as invitations from '../store/invitations.ts'
import type { Tables } from '../store/tables.ts'
import { bootOver, lockChild } from './prepare-child.ts'

/**
 * The boot goes on, so the invitation of the machine lives longer; never shorter, because nobody asks for that.
 *
 * One that ran out stays so: whoever noticed too late makes another. Not announced: it is one step of many of a spawn,
 * which announces its own.
 */
export async function extendBootInvitation(
  tx: Tx<Tables>,
  now: Date,
  { peerId, expiresAt }: { peerId: string; expiresAt: Date },
): Promise<Invitation> {
  const peer = await lockChild(tx, peerId)
  if (peer.state !== 'proposed') throw bootOver(peer)
  const open = (await invitations.lockOpen(tx, peerId, now)).find(({ bootBound }) => bootBound)
  if (!open)
    throw new Refusal('BOOT_INVITATION_OVER', 'the invitation of the child ran out, or was taken back', {
      metadata: { peer_id: peerId, state: peer.state },
      next: 'make another: fedctl child rotate-token',
    })
  if (expiresAt <= open.expiresAt) return open
  checkBootTtl(expiresAt.getTime() - now.getTime())
  const extended = { ...open, expiresAt }
  await invitations.save(tx, extended)
  return extended
}
