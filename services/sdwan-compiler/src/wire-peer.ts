import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { FederationFacts, FederationState } from './federation-peer.ts'

const STATES: Readonly<Record<PeerState, FederationState>> = {
  [PeerState.UNSPECIFIED]: 'unknown',
  [PeerState.PROPOSED]: 'proposed',
  [PeerState.ACCEPTED]: 'accepted',
  [PeerState.ENROLLED]: 'enrolled',
  [PeerState.ACTIVE]: 'active',
  [PeerState.DEGRADED]: 'degraded',
  [PeerState.SUSPENDED]: 'suspended',
  [PeerState.REVOKED]: 'revoked',
}

export const stateFromWire = (state: PeerState): FederationState => STATES[state] ?? 'unknown'

/** What the network has to know of a peer. One that was found by a name that looks like the id is not the one. */
export function factsOf(peerId: string, peer: Peer | undefined): FederationFacts {
  if (peer?.id !== peerId)
    return { id: peerId, name: '', platformId: '', state: 'unknown', revision: 0, prefixAdvertisement: '' }
  const { name, platformId, state, revision, prefixAdvertisement } = peer
  return { id: peerId, name, platformId, state: stateFromWire(state), revision: Number(revision), prefixAdvertisement }
}
