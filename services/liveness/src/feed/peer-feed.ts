import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import { Follower, type Told } from '@powernode/feed'
import type { Logger, Metrics } from '@powernode/process'
import type { LocalPlatform, WatchPeersResponse } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { PeerRegistryService } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { isPlatform, toLocal, toWatched, type Local, type WatchedPeer } from './watched-peer.ts'

/** What changed: one peer, or so much that all have to be looked at. */
export type Change = { readonly peerId: string } | 'all'

/** The peers there are, kept in memory and current; what is asked of it costs no query. */
export type PeerFeed = {
  readonly peers: ReadonlyMap<string, WatchedPeer>
  /** Ourselves; undefined before the first word of peer-registry. */
  local(): Local | undefined
  /** Whether a whole snapshot was taken in: before that, a peer that is missing may only be late. */
  isComplete(): boolean
  /** Calls `heard` after each change until `signal` aborts. `heard` MUST NOT throw. */
  subscribe(heard: (change: Change) => void, signal: AbortSignal): void
  /** Follows peer-registry until `signal` aborts, going on whenever the stream breaks. */
  follow(signal: AbortSignal): Promise<void>
}

type Deps = {
  readonly registry: Client<typeof PeerRegistryService>
  readonly reader: string
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

/**
 * Follows `WatchPeers`.
 *
 * While the stream is broken the last word stands: beats go on, and whether they may is the gateway's to decide, which
 * refuses everything once its own lease has run out.
 */
export function createPeerFeed({ registry, ...deps }: Deps): PeerFeed {
  const peers = new Map<string, WatchedPeer>()
  const listeners = new Set<(change: Change) => void>()
  let local: Local | undefined
  let complete = false

  const tell = (change: Change) => {
    for (const heard of listeners) heard(change)
  }

  /** Whom a snapshot has named so far; undefined while a stream continues what is known. */
  let seen: Set<string> | undefined

  function take(update: Told<WatchPeersResponse['update']>): void {
    if (update.case === 'platform') takeLocal(update.value)
    if (update.case === 'removedPeerId' && peers.delete(update.value)) tell({ peerId: update.value })
    if (update.case !== 'peer' || !isPlatform(update.value)) return
    const peer = toWatched(update.value)
    seen?.add(peer.peerId)
    peers.set(peer.peerId, peer)
    tell({ peerId: peer.peerId })
  }

  function whole(): void {
    if (!seen) return
    for (const peerId of peers.keys()) if (!seen.has(peerId)) peers.delete(peerId)
    seen = undefined
    complete = true
    tell('all')
  }

  function takeLocal(platform: LocalPlatform): void {
    local = toLocal(platform)
    tell('all')
  }

  const follower = new Follower<WatchPeersResponse['update']>({
    ...deps,
    feed: 'peers',
    open: (requests, signal) => registry.watchPeers(requests, { signal, timeoutMs: 0 }),
    begin: (replaces) => void (seen = replaces ? new Set() : undefined),
    apply: take,
    whole,
  })

  return {
    peers,
    local: () => local,
    isComplete: () => complete,
    subscribe(heard, signal) {
      if (signal.aborted) return
      listeners.add(heard)
      signal.addEventListener('abort', () => listeners.delete(heard), { once: true })
    },
    follow: (signal) => follower.run(signal),
  }
}
