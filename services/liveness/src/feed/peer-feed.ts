import type { Client } from '@connectrpc/connect'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import type {
  LocalPlatform,
  PeerRegistryService,
  WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'
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
  /** Follows peer-registry until `signal` aborts, beginning anew whenever the stream breaks. */
  follow(signal: AbortSignal): Promise<void>
}

type Deps = { readonly registry: Client<typeof PeerRegistryService>; readonly clock: Clock; readonly logger: Logger }

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2_000

/**
 * Follows `WatchPeers`.
 *
 * While the stream is broken the last word stands: beats go on, and whether they may is the gateway's to decide, which
 * refuses everything once its own lease has run out.
 */
export function createPeerFeed({ registry, clock, logger }: Deps): PeerFeed {
  const peers = new Map<string, WatchedPeer>()
  const listeners = new Set<(change: Change) => void>()
  let local: Local | undefined
  let complete = false

  const tell = (change: Change) => {
    for (const heard of listeners) heard(change)
  }

  async function followOnce(signal: AbortSignal): Promise<void> {
    const seen = new Set<string>()
    let inSnapshot = true
    for await (const response of registry.watchPeers({}, { signal })) {
      take(response, seen)
      if (response.update.case !== 'snapshotComplete' || !inSnapshot) continue
      inSnapshot = false
      for (const peerId of peers.keys()) if (!seen.has(peerId)) peers.delete(peerId)
      complete = true
      tell('all')
    }
  }

  function take({ update }: WatchPeersResponse, seen: Set<string>): void {
    if (update.case === 'platform') takeLocal(update.value)
    if (update.case === 'removedPeerId' && peers.delete(update.value)) tell({ peerId: update.value })
    if (update.case !== 'peer' || !isPlatform(update.value)) return
    const peer = toWatched(update.value)
    seen.add(peer.peerId)
    peers.set(peer.peerId, peer)
    tell({ peerId: peer.peerId })
  }

  function takeLocal(platform: LocalPlatform): void {
    local = toLocal(platform)
    tell('all')
  }

  return {
    peers,
    local: () => local,
    isComplete: () => complete,
    subscribe(heard, signal) {
      if (signal.aborted) return
      listeners.add(heard)
      signal.addEventListener('abort', () => listeners.delete(heard), { once: true })
    },
    async follow(signal) {
      for (let failures = 0; !signal.aborted;) {
        const before = local
        try {
          await followOnce(signal)
        } catch (error) {
          if (signal.aborted) return
          logger.warn({ error, reason: refusalOf(error)?.reason }, 'the peer feed broke')
        }
        failures = local === before ? failures + 1 : 1
        await clock.sleep(Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 10)), signal)
      }
    },
  }
}
