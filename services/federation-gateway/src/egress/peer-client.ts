import type { Metadata } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import type { TlsMaterial } from '@powernode/identity'
import { refusalOf, type Reason, type Refusal, type ResolvedEndpoint } from '@powernode/rpc'
import type { Endpoint } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { destinationOf, type Address } from './destination.ts'
import type { EndpointMemory } from './endpoint-memory.ts'
import { failureOf, refusalFor, textOf, type Failure } from './failures.ts'
import { Road } from './road.ts'

/** `resolveEndpoint` of libs/rpc, with the platform's policy: addresses that may be dialled, or a refusal. */
export type Resolve = (url: string) => Promise<ResolvedEndpoint>

export type PeerClientParts = {
  readonly own: TlsMaterial
  readonly resolve: Resolve
  readonly memory: EndpointMemory
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly attemptTimeoutMs: number
  readonly maxMessageBytes: number
}

/** One call outward. `deadline` is its caller's; `signal` aborts with it. */
export type PeerCall = {
  readonly path: string
  readonly bytes: Buffer
  readonly metadata: Metadata
  readonly deadline: Date
  readonly signal: AbortSignal
  /** False: it must not reach the peer twice. Whatever says nothing of it may be repeated. */
  readonly repeatable?: boolean
  /** How long one attempt may take, where that is longer than others may. */
  readonly attemptTimeoutMs?: number
  /** Why it may not be sent any more. Asked when there is a connection, right before it is. */
  readonly objection?: () => Refusal | undefined
  /** Told before each time that it is sent, when there is a connection; what it returns keeps the call from leaving. */
  readonly leaving?: () => Promise<Refusal | undefined>
}

/** What is done on the road to a peer: one call, or the beginning of a stream. */
export type OnRoad<T> = (road: Road, call: PeerCall) => Promise<T>
type Tried<T> = { readonly kind: 'answered'; readonly answer: T } | Failure

/** The peer says it does not know the certificate of this connection: a new connection may fare better. */
const CONNECTION_IS_NO_GOOD: readonly (Reason | undefined)[] = [
  'CERTIFICATE_NOT_TRUSTED',
  'CERTIFICATE_REQUIRED',
  'PEER_UNKNOWN',
]

const RESOLVED_FOR_MS = 30_000

/**
 * The way to one peer, as long as what we know of it stays the same: its endpoints, in turn, each over a road of its own.
 */
export class PeerClient {
  readonly route: PeerRoute
  readonly #parts: PeerClientParts
  readonly #roads = new Map<string, Road>()
  readonly #resolved = new Map<string, { readonly addresses: readonly Address[]; readonly untilMs: number }>()
  #closed = false

  constructor(route: PeerRoute, parts: PeerClientParts) {
    this.route = route
    this.#parts = parts
  }

  /** Tries the endpoints one after the other until one answers. Throws a `Refusal` when none did. */
  async callOnce<T>(call: PeerCall, onRoad: OnRoad<T>): Promise<T> {
    const failures: { url: string; failure: Failure }[] = []
    for (const endpoint of this.#parts.memory.inOrder(this.route)) {
      const tried = await this.#tryEndpoint(endpoint, call, onRoad)
      if (tried.kind === 'answered') return tried.answer
      failures.push({ url: endpoint.url, failure: tried })
      if (tried.kind === 'refused' || tried.kind === 'not_now')
        throw refusalFor([{ url: endpoint.url, failure: tried }])
      if (call.signal.aborted || isEnough(tried, call)) break
    }
    throw refusalFor(failures)
  }

  /** Calls under way finish; `cut` ends them. */
  close({ cut }: { readonly cut: boolean }): void {
    this.#closed = true
    for (const road of this.#roads.values()) {
      if (cut) road.cut()
      else road.close()
    }
    this.#roads.clear()
  }

  async #tryEndpoint<T>(endpoint: Endpoint, call: PeerCall, onRoad: OnRoad<T>): Promise<Tried<T>> {
    const { memory } = this.#parts
    let last: Failure = { kind: 'unreachable', why: 'its name resolves to no address' }
    try {
      for (const address of await this.#addresses(endpoint.url)) {
        const tried = await this.#tryAddress(address, call, onRoad)
        if (tried.kind === 'answered' || tried.kind === 'refused' || tried.kind === 'not_now') {
          memory.reached(this.route, endpoint)
          return tried
        }
        last = tried
        if (call.signal.aborted || isEnough(tried, call)) break
      }
    } catch (error) {
      call.signal.throwIfAborted()
      last = failureOf(error) ?? { kind: 'unreachable', why: error instanceof Error ? error.message : String(error) }
    }
    if (this.#closed) return { kind: 'unreachable', why: 'what we know of the peer changed meanwhile' }
    memory.failed(this.route, endpoint, textOf(last))
    this.#resolved.delete(endpoint.url)
    return last
  }

  /** What a URL resolves to, remembered for a little while: beats are many and names change seldom. */
  async #addresses(url: string): Promise<readonly Address[]> {
    const { resolve, clock } = this.#parts
    const nowMs = clock.now().getTime()
    const known = this.#resolved.get(url)
    if (known && nowMs < known.untilMs) return known.addresses
    const { host, port, addresses } = await resolve(url)
    const found = addresses.map((address) => ({ address, port, host }))
    this.#resolved.set(url, { addresses: found, untilMs: nowMs + RESOLVED_FOR_MS })
    return found
  }

  async #tryAddress<T>(address: Address, call: PeerCall, onRoad: OnRoad<T>): Promise<Tried<T>> {
    const { clock, connectTimeoutMs, attemptTimeoutMs } = this.#parts
    const key = `${address.host} ${address.address} ${address.port}`
    try {
      const road = await this.#road(key, address)
      await road.connect(connectTimeoutMs)
      const refusal = call.objection?.() ?? (await call.leaving?.()) ?? call.objection?.()
      if (refusal) return { kind: 'refused', refusal }
      const attemptEnds = new Date(clock.now().getTime() + (call.attemptTimeoutMs ?? attemptTimeoutMs))
      const deadline = attemptEnds < call.deadline ? attemptEnds : call.deadline
      return { kind: 'answered', answer: await onRoad(road, { ...call, deadline }) }
    } catch (error) {
      call.signal.throwIfAborted() // our caller gave up, which says nothing of the peer
      const failure = failureOf(error)
      if (!failure) throw error
      const said = refusalOf(error)?.reason
      if (failure.kind === 'unreachable' || failure.kind === 'wrong' || CONNECTION_IS_NO_GOOD.includes(said))
        this.#abandon(key)
      return failure
    }
  }

  async #road(key: string, address: Address): Promise<Road> {
    const known = this.#roads.get(key)
    if (known) return known
    const destination = await destinationOf(this.route, address, this.#parts)
    const made = this.#roads.get(key) ?? new Road(destination, this.#parts.clock, this.#parts.maxMessageBytes)
    if (this.#closed) made.close()
    else this.#roads.set(key, made)
    return made
  }

  #abandon(key: string): void {
    this.#roads.get(key)?.close()
    this.#roads.delete(key)
  }
}

/** What must not reach the peer twice is sent nowhere else once it may have reached it. */
function isEnough(tried: Tried<unknown>, { repeatable = true }: PeerCall): boolean {
  return !repeatable && tried.kind === 'unreachable' && tried.isSent === true
}
