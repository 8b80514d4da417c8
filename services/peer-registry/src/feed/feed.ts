import { create } from '@bufbuild/protobuf'
import type { Clock } from '@powernode/clock'
import { Doorbell } from '@powernode/events'
import { inTransaction, listen, type Db, type ListenConfig, type Listening, type Tx } from '@powernode/postgres'
import { runTasks, type Logger } from '@powernode/process'
import { WatchTrustResponseSchema, type WatchTrustResponse } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import {
  WatchPeersResponseSchema,
  type PeerRoute,
  type WatchPeersResponse,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Peer } from '../peer.ts'
import type { Us } from '../platform.ts'
import * as peers from '../store/peers.ts'
import type { Tables } from '../store/tables.ts'
import { weSignFor } from '../trust.ts'
import { isRouted, localToWire, readLocal, rememberedSince, routeOf, type Local } from './routes.ts'
import { Watchers } from './watchers.ts'

const TICK_EVERY_MS = 250
const LEASE_MS = 1_000
const PAGE = 1_000

export type FeedDeps = {
  readonly db: Db<Tables>
  readonly database: ListenConfig
  readonly us: Us
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * What WatchPeers and WatchTrust tell: every peer in memory, read anew whenever its row changes.
 *
 * Triggers ring at commit; a ring only says where to look. A tick promises that all that had committed before it was
 * asked for has been sent: first a round trip on the listening connection (so no ring is still under way), then the
 * rows, then the tick. While the database or that connection is away there are no ticks, and readers' leases run out.
 */
export class Feed {
  readonly #deps: FeedDeps
  readonly #peers = new Map<string, WatchPeersResponse>()
  /** How each row stood when it was read, also of those that are not told of. */
  readonly #stood = new Map<string, string>()
  readonly #watchers = new Watchers<WatchPeersResponse>()
  readonly #trustWatchers = new Watchers<WatchTrustResponse>()
  readonly #bell = new Doorbell()
  #changed = new Set<string>()
  #everything = true
  readonly #loaded = Promise.withResolvers<void>()
  #connection: Listening | undefined
  #local: Local | undefined

  constructor(deps: FeedDeps) {
    this.#deps = deps
  }

  async run(signal: AbortSignal): Promise<void> {
    const { database, logger } = this.#deps
    const config: ListenConfig = {
      ...database,
      onConnected: (connection) => (this.#connection = connection),
      onLost: (error, retryInMs) => {
        this.#connection = undefined
        logger.warn({ task: 'feed', retry_in_ms: retryInMs, error }, 'feeds are stale: the database cannot be heard')
      },
    }
    await runTasks(signal, [
      (stop) => listen(config, 'peer_registry_changes', (payload) => this.#ring(payload), stop),
      (stop) => this.#follow(stop),
    ])
  }

  /** Waits until everything has been read once: a reader that hears nothing holds no lease. */
  async *watchPeers(signal: AbortSignal): AsyncGenerator<WatchPeersResponse> {
    if (await this.#readOnce(signal)) yield* this.#watchers.watch(() => this.#snapshot(), signal)
  }

  async *watchTrust(signal: AbortSignal): AsyncGenerator<WatchTrustResponse> {
    if (await this.#readOnce(signal)) yield* this.#trustWatchers.watch(() => this.#trustNow(), signal)
  }

  #snapshot(): WatchPeersResponse[] {
    return [...(this.#local ? [this.#localUpdate(this.#local)] : []), ...this.#peers.values(), SNAPSHOT_COMPLETE]
  }

  #trustNow(): WatchTrustResponse[] {
    return this.#local ? [trustUpdate(this.#local)] : []
  }

  async #readOnce(signal: AbortSignal): Promise<boolean> {
    const aborted = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => aborted.resolve(), { once: true })
    await Promise.race([this.#loaded.promise, aborted.promise])
    return !signal.aborted
  }

  #ring(payload: string | undefined): void {
    if (payload?.startsWith('peer:')) this.#changed.add(payload.slice('peer:'.length))
    else this.#everything = true
    this.#bell.ring()
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps
    while (!signal.aborted) {
      try {
        await this.#catchUp()
      } catch (error) {
        this.#everything = true
        logger.warn({ task: 'feed', error }, 'the peers cannot be read')
      }
      await this.#bell.wait(clock, TICK_EVERY_MS, signal)
    }
  }

  async #catchUp(): Promise<void> {
    const connection = this.#connection
    if (!connection) return
    await connection.probe()
    const everything = this.#everything
    const changed = this.#changed
    this.#changed = new Set()
    this.#everything = false
    await inTransaction(this.#deps.db, (tx) => (everything ? this.#readAll(tx) : this.#read(tx, [...changed])))
    if (everything) this.#loaded.resolve()
    if (connection === this.#connection) this.#watchers.send([TICK])
  }

  /**
   * Our own side, and every peer that does not stand as it stood: the lease of all of them runs on while this reads, so
   * it must not take the longer the more peers there are.
   */
  async #readAll(tx: Tx<Tables>): Promise<void> {
    const before = this.#local
    const local = (this.#local = await readLocal(tx))
    const isAnother = before?.platform.bundleSequence !== local.platform.bundleSequence
    if (isAnother) {
      this.#watchers.send([this.#localUpdate(local)])
      this.#trustWatchers.send([trustUpdate(local)])
    }
    const marks = await peers.marks(tx, rememberedSince(this.#deps.clock.now()))
    const stale = marks.filter((mark) => this.#stood.get(mark.id) !== standing(mark) || (isAnother && weSignFor(mark)))
    await this.#read(
      tx,
      stale.map(({ id }) => id),
    )
    const there = new Set(marks.map(({ id }) => id))
    for (const id of this.#stood.keys()) if (!there.has(id)) this.#forget(id)
  }

  async #read(tx: Tx<Tables>, ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += PAGE) {
      const page = ids.slice(at, at + PAGE)
      const found = await peers.listByIds(tx, page)
      if (this.#local) this.#send(this.#deps.us, this.#local, found)
      const there = new Set(found.map(({ id }) => id))
      for (const id of page) if (!there.has(id)) this.#forget(id)
    }
  }

  #send(us: Us, local: Local, page: readonly Peer[]): void {
    const now = this.#deps.clock.now()
    for (const peer of page) {
      this.#stood.set(peer.id, standing(peer))
      if (!isRouted(peer, now)) {
        this.#leaveOut(peer.id)
        continue
      }
      const value = this.#routeOf(us, local, peer)
      if (!value) continue
      const update = create(WatchPeersResponseSchema, { update: { case: 'peer', value } })
      this.#peers.set(peer.id, update)
      this.#watchers.send([update])
    }
  }

  /** A row that cannot be told of (its key does not open, say) refuses that one peer, not all of them. */
  #routeOf(us: Us, local: Local, peer: Peer): PeerRoute | undefined {
    try {
      return routeOf(us, local, peer)
    } catch (error) {
      this.#leaveOut(peer.id)
      this.#deps.logger.error({ task: 'feed', peer_id: peer.id, error }, 'a peer cannot be routed and is refused')
      return undefined
    }
  }

  #forget(id: string): void {
    this.#stood.delete(id)
    this.#leaveOut(id)
  }

  #leaveOut(id: string): void {
    if (!this.#peers.delete(id)) return
    this.#watchers.send([create(WatchPeersResponseSchema, { update: { case: 'removedPeerId', value: id } })])
  }

  #localUpdate(local: Local): WatchPeersResponse {
    return create(WatchPeersResponseSchema, { update: { case: 'platform', value: localToWire(this.#deps.us, local) } })
  }
}

/** The revision grows with every change; a database that was restored may count it a second time. */
const standing = ({ state, revision }: peers.Mark): string => `${state} ${revision}`

const SNAPSHOT_COMPLETE = create(WatchPeersResponseSchema, { update: { case: 'snapshotComplete', value: {} } })
const TICK = create(WatchPeersResponseSchema, { update: { case: 'tick', value: { leaseMs: LEASE_MS } } })

const trustUpdate = ({ platform, roots, crls, currentGeneration }: Local): WatchTrustResponse =>
  create(WatchTrustResponseSchema, {
    sequence: BigInt(platform.bundleSequence),
    roots: roots.map((der) => Uint8Array.from(der)),
    crls: crls.map((der) => Uint8Array.from(der)),
    currentGeneration,
  })
