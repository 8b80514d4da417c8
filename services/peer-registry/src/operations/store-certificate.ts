import type { Tx } from '@powernode/postgres'
import { BY_OURSELVES, peerChanged } from '../events.ts'
import type { PeerState } from '../peer.ts'
import type { Us } from '../platform.ts'
import { SEALED } from '../secrets.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { withCertificate } from './store-agreement.ts'

/** States in which we still have business with whoever signs for us: a peering that ended meanwhile keeps no key. */
const SIGNED_FOR: readonly PeerState[] = ['enrolled', 'active', 'degraded', 'suspended']

/** The other side renewed the certificate it signs for us: the new pair replaces the old one as a whole. */
export async function storeCertificate(
  tx: Tx<Tables>,
  now: Date,
  { us, peerId, key, chain }: { us: Us; peerId: string; key: Buffer; chain: readonly Uint8Array[] },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (!SIGNED_FOR.includes(peer.state)) return
  const sealed = us.sealing.seal(key, SEALED.peerCertificateKey(peer.id))
  const saved = await peers.save(tx, peer, {
    ...withCertificate(us, peer, { chain, keySealed: sealed, now }),
    updatedAt: now,
  })
  await peerChanged(tx, BY_OURSELVES, saved, ['certificate'])
}
