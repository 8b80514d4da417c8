import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Follower } from '@powernode/feed'
import type { Logger, Metrics } from '@powernode/process'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute, WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import type { PeerIdentity } from '../peer-keys.ts'

/** The peers there are, as peer-registry tells them; what is asked of this costs no query. */
export type KnownPeers = {
  /** Who the peer is. Refuses to speak of one that is not known. */
  readonly identityOf: (peerId: string) => PeerIdentity
  /** Those that may be called now. */
  readonly reachable: () => readonly string[]
  readonly isReachable: (peerId: string) => boolean
  readonly isActive: (peerId: string) => boolean
  /** Calls `changed` for each peer that is told of, until `signal` aborts. It MUST NOT throw. */
  readonly subscribe: (changed: (peerId: string) => void, signal: AbortSignal) => void
  /** Follows peer-registry until `signal` aborts, going on whenever the stream breaks. */
  readonly follow: (signal: AbortSignal) => Promise<void>
}

type Deps = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

const REACHABLE: ReadonlySet<PeerState> = new Set([PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED])

/**
 * Follows `WatchPeers`. While the stream is broken the last word stands: who may really be called is the gateway's to
 * decide, and an identity key does not change.
 */
export function knownPeers({ registry, ...deps }: Deps): KnownPeers {
  const routes = new Map<string, PeerRoute>()
  const listeners = new Set<(peerId: string) => void>()
  /** Whom a snapshot has named so far; undefined while a stream continues what is known. */
  let seen: Set<string> | undefined

  const tell = (peerId: string) => {
    for (const changed of listeners) changed(peerId)
  }
  const forget = (peerId: string) => {
    if (routes.delete(peerId)) tell(peerId)
  }

  const follower = new Follower<WatchPeersResponse['update']>({
    ...deps,
    feed: 'peers',
    open: (requests, signal) => registry.watchPeers(requests, { signal, timeoutMs: 0 }),
    begin: (replaces) => void (seen = replaces ? new Set() : undefined),
    apply: (update) => {
      if (update.case === 'removedPeerId') forget(update.value)
      if (update.case !== 'peer') return
      seen?.add(update.value.peerId)
      routes.set(update.value.peerId, update.value)
      tell(update.value.peerId)
    },
    whole: () => {
      const gone = seen ? [...routes.keys()].filter((peerId) => !seen?.has(peerId)) : []
      seen = undefined
      gone.forEach(forget)
    },
  })

  const isReachable = (peerId: string): boolean => {
    const route = routes.get(peerId)
    return route !== undefined && REACHABLE.has(route.state)
  }

  return {
    identityOf(peerId) {
      const route = routes.get(peerId)
      if (route && route.identityKey.length > 0) return identityIn(route)
      throw new Refusal('PEER_NOT_FOUND', `who peer ${peerId} is, is not known here yet`, { retryAfterMs: 1_000 })
    },
    reachable: () => [...routes.keys()].filter(isReachable),
    isReachable,
    isActive: (peerId) => routes.get(peerId)?.state === PeerState.ACTIVE,
    subscribe(changed, signal) {
      if (signal.aborted) return
      listeners.add(changed)
      signal.addEventListener('abort', () => listeners.delete(changed), { once: true })
    },
    follow: (signal) => follower.run(signal),
  }
}

const identityIn = ({ peerId, platformId, identityKey, remotePeerId, trustDomain }: PeerRoute): PeerIdentity => ({
  peerId,
  platformId,
  identityKey,
  remotePeerId,
  trustDomain,
})
