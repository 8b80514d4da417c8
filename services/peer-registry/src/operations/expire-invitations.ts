import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES, invitationChanged } from '../events.ts'
import * as invitations from '../store/invitations.ts'
import type { Tables } from '../store/tables.ts'

const BATCH = 200

/** Says once of each invitation that it ran out. Whether it may be redeemed never waits for this. */
export async function expireInvitations(tx: Tx<Tables>, now: Date): Promise<number> {
  const runOut = await invitations.lockRunOut(tx, now, BATCH)
  for (const invitation of runOut) {
    const expired = { ...invitation, expiredAt: now }
    await invitations.save(tx, expired)
    await invitationChanged(tx, BY_OURSELVES, { invitation: expired, word: 'expired', at: now })
  }
  return runOut.length
}
