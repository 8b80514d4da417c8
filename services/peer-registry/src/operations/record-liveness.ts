import type { Tx } from '@powernode/postgres'
import { peerMoved, type By } from '../events.ts'
import { move } from '../peer.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'

const BY_LIVENESS: By = { actor: 'service/liveness' }

/** Beats go both ways: an enrolled or degraded peer becomes active. Any other stays what an operator made it. */
export async function recordHeard(tx: Tx<Tables>, now: Date, { peerId }: { peerId: string }): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state !== 'enrolled' && peer.state !== 'degraded') return
  const active = await peers.save(tx, peer, move(peer, 'heartbeat', 'heartbeats are fresh in both directions', now))
  await peerMoved(tx, BY_LIVENESS, { before: peer, after: active, move: 'heartbeat' })
}

/** An active peer has been silent for longer than was agreed, in at least one direction. */
export async function recordSilent(
  tx: Tx<Tables>,
  now: Date,
  { peerId, why }: { peerId: string; why: string },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state !== 'active') return
  const degraded = await peers.save(tx, peer, move(peer, 'fallSilent', why, now))
  await peerMoved(tx, BY_LIVENESS, { before: peer, after: degraded, move: 'fallSilent' })
}
