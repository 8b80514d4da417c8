import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'

/** The word that operators know a peer's state by. */
export function stateOf({ state }: Peer): string {
  const [word = 'unknown'] = Object.entries(PeerState).find(([, number]) => number === state) ?? []
  return word.toLowerCase()
}
