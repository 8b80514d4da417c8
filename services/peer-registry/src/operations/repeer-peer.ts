import type { Tx } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../events.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { createInvitation, type Minted } from './create-invitation.ts'
import { proposePeer } from './propose-peer.ts'

/**
 * A revoked peering begins anew: a new row linked to the old one, and, if wanted, an invitation only that platform can redeem.
 * Nothing of the old trust comes along; the identity key is what makes it the same platform.
 */
export async function repeerPeer(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, invite }: { us: Us; by: By; peerId: string; invite: { ttlMs: number; note: string } | undefined },
): Promise<{ peer: Peer; minted: Minted | undefined }> {
  const ended = await peers.lock(tx, peerId)
  if (ended.state !== 'revoked')
    throw new Refusal('MOVE_NOT_ALLOWED', `only a revoked peer can be peered anew; this one is ${ended.state}`, {
      metadata: { state: ended.state },
      next: `fedctl peer show ${ended.id}`,
    })
  const { name, url, kind, spawnRole, spawnMode, platformId, accountId, remoteAccountId, environmentId, metadata } =
    ended
  const peer = await proposePeer(tx, now, {
    us, by, name, url, kind, spawnRole, spawnMode, platformId, accountId, remoteAccountId, environmentId, metadata,
    parentPeerId: ended.parentPeerId,
    prefixAdvertisement: ended.prefixAdvertisement,
    previousPeerId: ended.id,
  }) // prettier-ignore
  if (!invite) return { peer, minted: undefined }
  return { peer, minted: await createInvitation(tx, now, { us, by, peerId: peer.id, name: 're-peer', ...invite }) }
}
