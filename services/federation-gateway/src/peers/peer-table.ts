import { equals } from '@bufbuild/protobuf'
import type { Told } from '@powernode/feed'
import {
  PeerRouteSchema,
  type LocalPlatform,
  type PeerRoute,
  type WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { preferred } from './preferred.ts'

/** What changed: one peer, as it was and as it is; or, with no peer in it, our own side. */
export type Change = { readonly before?: PeerRoute | undefined; readonly after?: PeerRoute | undefined }
type Listener = (change: Change) => void

/**
 * Every peer as the registry last told us, and whether we may still believe it.
 *
 * Asked at the moment of each call, so a peer that was suspended a millisecond ago is refused on the connection it
 * has had open for a week. A table whose lease has run out MUST be treated as if every peer in it were refused:
 * what we hold may be the world before a revocation. Whoever listens has heard of a change, and has ended what it must
 * not let go on, before the change is acknowledged: `apply` and `whole` return after that.
 */
export class PeerTable {
  #peers = new Map<string, PeerRoute>()
  #bySpiffeId = new Map<string, Set<string>>()
  #byTrustDomain = new Map<string, Set<string>>()
  #incoming: Map<string, PeerRoute> | undefined
  #platform: LocalPlatform | undefined
  #listeners = new Set<Listener>()
  #isFresh: () => boolean = () => false

  /** Whether the registry has vouched for the table within the lease it gave. */
  get fresh(): boolean {
    return this.#isFresh()
  }

  /** Who knows whether the lease is running. */
  trust(isFresh: () => boolean): void {
    this.#isFresh = isFresh
  }

  get size(): number {
    return this.#peers.size
  }

  /** Our own side; undefined until the registry has told us. */
  get platform(): LocalPlatform | undefined {
    return this.#platform
  }

  peer(peerId: string): PeerRoute | undefined {
    return this.#peers.get(peerId)
  }

  /** The peering a certificate of this name stands for: of several (a re-peered platform) the one in force. */
  bySpiffeId(spiffeId: string): PeerRoute | undefined {
    const ids = this.#bySpiffeId.get(spiffeId)
    if (ids?.size !== 1) return preferred(this.#all(ids))
    const [only = ''] = ids // asked twice with every call, and hardly ever is there more than one
    return this.#peers.get(only)
  }

  /** The peering whose bundle decides for a trust domain. None while we hold no root of it. */
  byTrustDomain(trustDomain: string): PeerRoute | undefined {
    return preferred(this.#all(this.#byTrustDomain.get(trustDomain)).filter(({ trustRoots }) => trustRoots.length > 0))
  }

  routes(): IterableIterator<PeerRoute> {
    return this.#peers.values()
  }

  /** Calls `listener` after every change; what it returns ends that. */
  watch(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** A stream begins. What is to be replaced stands, for as long as its lease does, until the new snapshot is whole. */
  begin(replaces: boolean): void {
    this.#incoming = replaces ? new Map() : undefined
  }

  apply(update: Told<WatchPeersResponse['update']>): void {
    switch (update.case) {
      case 'platform':
        this.#platform = update.value
        return this.#tell({})
      case 'peer':
        if (this.#incoming) this.#incoming.set(update.value.peerId, update.value)
        else this.#put(update.value)
        return
      case 'removedPeerId':
        if (this.#incoming) this.#incoming.delete(update.value)
        else this.#remove(update.value)
    }
  }

  /** All up to a position has been told. */
  whole(): void {
    if (this.#incoming) this.#replaceBy(this.#incoming)
  }

  #replaceBy(snapshot: Map<string, PeerRoute>): void {
    this.#incoming = undefined
    for (const peerId of this.#peers.keys()) if (!snapshot.has(peerId)) this.#remove(peerId)
    for (const route of snapshot.values()) this.#put(route)
  }

  #put(after: PeerRoute): void {
    const before = this.#peers.get(after.peerId)
    if (before && equals(PeerRouteSchema, before, after)) return
    if (before) this.#unlist(before)
    this.#peers.set(after.peerId, after)
    list(this.#bySpiffeId, after.spiffeId, after.peerId)
    list(this.#byTrustDomain, after.trustDomain, after.peerId)
    this.#tell({ before, after })
  }

  #remove(peerId: string): void {
    const before = this.#peers.get(peerId)
    if (!before) return
    this.#unlist(before)
    this.#peers.delete(peerId)
    this.#tell({ before })
  }

  #unlist({ peerId, spiffeId, trustDomain }: PeerRoute): void {
    unlist(this.#bySpiffeId, spiffeId, peerId)
    unlist(this.#byTrustDomain, trustDomain, peerId)
  }

  #all(peerIds: ReadonlySet<string> = new Set()): PeerRoute[] {
    return [...peerIds].flatMap((peerId) => this.#peers.get(peerId) ?? [])
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change)
  }
}

/** A peer without a name yet (proposed, never heard of) is listed under none. */
function list(index: Map<string, Set<string>>, key: string, peerId: string): void {
  if (key === '') return
  const ids = index.get(key)
  if (ids) ids.add(peerId)
  else index.set(key, new Set([peerId]))
}

function unlist(index: Map<string, Set<string>>, key: string, peerId: string): void {
  const ids = index.get(key)
  ids?.delete(peerId)
  if (ids?.size === 0) index.delete(key)
}
