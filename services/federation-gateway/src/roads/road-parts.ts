import type { Clock } from '@powernode/clock'
import type { TlsMaterial } from '@powernode/identity'
import { Refusal } from '@powernode/rpc'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { CURRENT_STATES, policyStale } from '../door/admission.ts'
import type { EndpointMemory } from '../egress/endpoint-memory.ts'
import type { Resolve } from '../egress/peer-client.ts'
import type { PeerTable } from '../peers/peer-table.ts'

export type RoadParts = {
  readonly table: Pick<PeerTable, 'fresh' | 'peer'>
  readonly outbound: {
    readonly own: TlsMaterial
    /** Told that a peer answers, so that calls are let through to it again. */
    readonly heard: (peerId: string) => void
  }
  readonly memory: EndpointMemory
  readonly resolve: Resolve
  /** The same for the names of one peer. */
  readonly names: (peerId: string) => Resolve
  readonly clock: Clock
  readonly limits: {
    readonly connectTimeoutMs: number
    readonly attemptTimeoutMs: number
    readonly maxMessageBytes: number
  }
}

/** Addresses of one name that are tried: a name can be made to have thousands. */
export const ADDRESSES_TRIED = 4

/** A road that may be tried: its peer is known, and is one now. Whoever asks names a peer and never an address. */
export function currentPeer({ table }: Pick<RoadParts, 'table'>, peerId: string): PeerRoute {
  if (!table.fresh) throw policyStale()
  const route = table.peer(peerId)
  if (!route) throw new Refusal('PEER_NOT_FOUND', `there is no peer ${peerId}`, { metadata: { peer_id: peerId } })
  if (CURRENT_STATES.includes(route.state)) return route
  const more = { metadata: { peer_id: peerId }, next: `fedctl peer show ${peerId}` }
  if (route.state === PeerState.SUSPENDED) throw new Refusal('PEER_SUSPENDED', 'the peer is suspended here', more)
  if (route.state === PeerState.REVOKED) throw new Refusal('PEER_REVOKED', 'the peer is revoked here', more)
  throw new Refusal('PEER_NOT_ENROLLED', 'the peer has not been enrolled here yet', more)
}
