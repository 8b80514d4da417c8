import type { Tx } from '@powernode/postgres'
import type { PlatformDescription } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import { Refusal } from '@powernode/rpc'
import { changedParts } from '../description.ts'
import { peerChanged, peerMoved } from '../events.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { sameStance } from '../version-stance.ts'
import { descriptionFromWire, windowFromWire } from '../wire-description.ts'
import { enrollIfDisclosed } from './enroll-if-disclosed.ts'
import { standByVersion } from './stand-by-version.ts'

/**
 * A peer describes itself anew. Who it is cannot change this way; what it says of itself can, and a disclosure that
 * becomes whole takes an accepted peer on to enrolled. A version that does not work with ours ends that it is active.
 */
export async function applyDescription(
  tx: Tx<Tables>,
  now: Date,
  { peerId, said }: { peerId: string; said: PlatformDescription },
): Promise<void> {
  const peer = await peers.lock(tx, peerId)
  if (peer.state === 'revoked' || peer.state === 'proposed') return
  if (said.platformId !== peer.platformId || said.trustDomain !== peer.trustDomain)
    throw new Refusal('IDENTITY_KEY_INVALID', 'a peer cannot describe itself as another platform')
  const description = descriptionFromWire(said)
  const changed = changedParts(peer, description)
  if (changed.length === 0) return
  const contractWindow = windowFromWire(said.contractWindow) ?? peer.contractWindow
  const by = { actor: `peer/${peer.id}` }
  const stood = await standByVersion(tx, now, { ...peer, ...description, contractWindow, updatedAt: now })
  const saved = await peers.save(tx, peer, stood)
  await peerChanged(tx, by, saved, [...changed, ...(sameStance(peer, saved) ? [] : ['version_status'])])
  if (saved.state !== peer.state) await peerMoved(tx, by, { before: peer, after: saved, move: 'diverge' })
  await enrollIfDisclosed(tx, now, by, saved)
}
