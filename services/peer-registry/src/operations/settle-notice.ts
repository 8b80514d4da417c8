import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/** The revocation notice was heard, or there is nobody to hear it: it is no longer owed. */
export async function settleNotice(tx: Tx<Tables>, now: Date, peerId: string, heard: boolean): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  await errands.remove(tx, peerId, 'notify_revocation')
  if (!heard || peer.notifiedAt) return
  const saved = await peers.save(tx, peer, { ...peer, notifiedAt: now, updatedAt: now })
  await peerChanged(tx, BY_OURSELVES, saved, ['notice'])
}
