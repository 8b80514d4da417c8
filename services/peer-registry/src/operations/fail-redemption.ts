import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import type { Errand } from '../errand.ts'
import * as errands from '../store/errands.ts'
import * as parentages from '../store/parentages.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** In words for the row; and by whose reason, where somebody said no. */
export type Failure = {
  readonly why: string
  readonly refused?: { readonly reason: string; readonly message: string }
}

/**
 * The other side said no for good, or the invitation ran out: the token is forgotten, and the row says what happened.
 * The peer stays proposed; a new invitation of the same platform goes on with this row.
 */
export async function failRedemption(
  tx: Tx<Tables>,
  now: Date,
  errand: Errand,
  { why, refused }: Failure,
): Promise<void> {
  const peer = await peers.lock(tx, errand.peerId)
  await errands.remove(tx, errand.peerId, 'redeem')
  if (peer.state !== 'proposed') return
  const parentage = refused && (await parentages.lock(tx, peer.id))
  if (parentage)
    await parentages.put(tx, { ...parentage, refusedReason: refused.reason, refusedMessage: refused.message })
  const failed = await peers.save(tx, peer, { ...peer, reason: why, updatedAt: now })
  await peerChanged(tx, BY_OURSELVES, failed, ['invitation'])
}
