import type { WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'

/** Whether an update tells of a peer that it is in a state. */
export const tellsState = (id: string, state: keyof typeof PeerState) => (update: WatchPeersResponse['update']) =>
  update.case === 'peer' && update.value.peerId === id && update.value.state === PeerState[state]
