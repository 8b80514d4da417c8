import type { Tx } from '@powernode/postgres'
import type { By } from '../events.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import type { Tables } from '../store/tables.ts'
import { lockChild } from './prepare-child.ts'
import { revokePeer } from './revoke-peer.ts'

/**
 * A child is not to be, or is to be no more: its invitation is dead, and the peering ends as every other does.
 *
 * Said again it changes nothing: whoever undoes a spawn may have to begin anew.
 */
export async function cancelChild(
  tx: Tx<Tables>,
  now: Date,
  { us, by, peerId, reason }: { us: Us; by: By; peerId: string; reason: string },
): Promise<Peer> {
  const peer = await lockChild(tx, peerId)
  if (peer.state === 'revoked') return peer
  return (await revokePeer(tx, now, { us, by, peerId, reason })).peer
}
