import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import { withoutCertificate } from '../peer.ts'
import * as errands from '../store/errands.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

/**
 * The revocation notice was heard, or there is nobody to hear it: it is no longer owed, and the certificate with which
 * it was brought is of no more use.
 */
export async function settleNotice(tx: Tx<Tables>, now: Date, peerId: string, heard: boolean): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  await errands.remove(tx, peerId, 'notify_revocation')
  const isNews = heard && peer.notifiedAt === null
  if (!isNews && peer.certificateKeySealed === null) return
  const notifiedAt = isNews ? now : peer.notifiedAt
  const saved = await peers.save(tx, peer, { ...withoutCertificate(peer), notifiedAt, updatedAt: now })
  if (isNews) await peerChanged(tx, BY_OURSELVES, saved, ['notice'])
}
