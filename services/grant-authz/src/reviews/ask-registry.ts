import type { Client } from '@connectrpc/connect'
import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { refusalOf, type Reason } from '@powernode/rpc'

/** What is asked of peer-registry. */
export type Registry = Pick<Client<typeof PeerRegistryService>, 'getPeer'>

export const ASK_MS = 3_000

/** Said when there is no peer of that id; ambiguous is what it may be as a name, which we never ask for. */
const UNKNOWN: ReadonlySet<Reason> = new Set(['PEER_NOT_FOUND', 'PEER_AMBIGUOUS'])

/**
 * What peer-registry says of the peer of this id; undefined when it knows none. Rejects when it cannot be asked, which
 * MUST NOT be taken for an answer.
 */
export async function askRegistry(registry: Registry, peerId: string, signal: AbortSignal): Promise<Peer | undefined> {
  try {
    const { peer } = await registry.getPeer({ peer: peerId }, { signal, timeoutMs: ASK_MS })
    // A peer may be found by its name as well, and a name can look like an id.
    return peer?.id === peerId ? peer : undefined
  } catch (error) {
    const reason = refusalOf(error)?.reason
    if (reason !== undefined && UNKNOWN.has(reason)) return undefined
    throw error
  }
}
