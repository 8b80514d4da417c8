import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { roadChecks } from '../checks/road.ts'
import { peerChecks, theirChecks } from '../examine.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { askThem, gatherPeer, walkRoad } from './gather-peer.ts'
import type { Witnesses } from './witnesses.ts'

export type Examined = { readonly peerId: string; readonly now: Date; readonly bothEnds: boolean }

/** With these there is nobody to ask: the door does not let us in, or there is no door yet. */
const ALONE: readonly PeerState[] = [PeerState.PROPOSED, PeerState.REVOKED, PeerState.SUSPENDED]

/** One peering from both ends at once: what our own records say first, then the road, then their half; each as it is done. */
export async function* examinePeer(
  witnesses: Witnesses,
  { peerId, now, bothEnds }: Examined,
  signal: AbortSignal,
): AsyncGenerator<Check> {
  const evidence = await gatherPeer(witnesses, { peerId, now }, signal)
  const { peer } = evidence
  const id = peer?.id ?? peerId
  const together = bothEnds && !(peer && ALONE.includes(peer.state))
  const slow = Promise.all([walkRoad(witnesses, id, signal), together ? askThem(witnesses, id, signal) : undefined])
  yield* peerChecks(evidence)
  const [road, theirs] = await slow
  yield* roadChecks(road, peer)
  if (theirs) yield* theirChecks(theirs, id)
}
