import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import type { Bridge } from '../../bridge.ts'
import { bridgeMoved, type Cause } from '../../events.ts'
import * as bridges from '../../store/bridges.ts'
import * as peers from '../../store/peers.ts'
import type { GrantTx } from '../../store/tables.ts'
import { peerIsOver } from '../grants/create-grant.ts'

/**
 * A peer may be met on one of our networks, once the bridge is activated.
 *
 * There is one for each peer and network, but for those that were revoked. Heard by audit-ledger.
 */
export async function proposeBridge(
  tx: GrantTx,
  now: Date,
  { peerId, sdwanNetworkId, cause }: { peerId: string; sdwanNetworkId: string; cause: Cause },
): Promise<Bridge> {
  const peer = await peers.lock(tx, peerId)
  if (peer.revokedAt) throw peerIsOver(peerId)
  const bridge: Bridge = {
    id: newId(now),
    peerId,
    sdwanNetworkId,
    state: 'proposed',
    proposedAt: now,
    activatedAt: null,
    suspendedAt: null,
    revokedAt: null,
    revocationReason: '',
    metadata: { proposed_by: cause.actor },
    revision: 1,
  }
  await bridges.add(tx, bridge)
  await append(tx, bridgeMoved(bridge, now, { ...cause, previous: '' }))
  return bridge
}
