import { append } from '@powernode/events'
import { Refusal } from '@powernode/rpc'
import type { Capability } from '../../capability.ts'
import { capabilityChanged, type Cause } from '../../events.ts'
import * as capabilities from '../../store/capabilities.ts'
import * as peers from '../../store/peers.ts'
import type { GrantTx } from '../../store/tables.ts'
import { peerIsOver } from '../grants/create-grant.ts'

/** How resources of a kind travel between a peer and us is set, whatever it was. Heard by audit-ledger. */
export async function setCapability(
  tx: GrantTx,
  now: Date,
  { capability, cause }: { capability: Capability; cause: Cause },
): Promise<Capability> {
  const peer = await peers.lock(tx, capability.peerId)
  if (peer.revokedAt) throw peerIsOver(peer.id)
  await capabilities.put(tx, capability)
  await append(tx, capabilityChanged(capability, now, { ...cause, word: 'set' }))
  return capability
}

/** They travel no more. The platform does not set by itself again what an operator removed. Heard by audit-ledger. */
export async function removeCapability(
  tx: GrantTx,
  now: Date,
  { capability, cause }: { capability: Capability; cause: Cause },
): Promise<Capability> {
  await peers.lock(tx, capability.peerId)
  const removed = await capabilities.remove(tx, capability, { by: cause.actor, at: now })
  if (!removed)
    throw new Refusal('REQUEST_INVALID', 'the peer has no such capability', {
      next: `fedctl capability list --peer ${capability.peerId}`,
    })
  await append(tx, capabilityChanged(removed, now, { ...cause, word: 'removed' }))
  return removed
}
