import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Session } from './session.ts'

/** The peer that was named by id, name or platform id. */
export async function resolvePeer({ clients }: Session, named: string): Promise<Peer> {
  const { peer } = await clients.peers.getPeer({ peer: named })
  if (!peer) throw new Error('the registry answered without a peer')
  return peer
}
