import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
  type CircuitBreakerPolicy,
} from 'cockatiel'
import type { Clock } from '@powernode/clock'
import type { TlsMaterial } from '@powernode/identity'
import type { Logger, Metrics } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import { sameRoots } from '../door/tls-contexts.ts'
import type { Change, PeerTable } from '../peers/peer-table.ts'
import type { EndpointMemory } from './endpoint-memory.ts'
import type { OpenStream } from './open-stream.ts'
import {
  isNew,
  isNotYet,
  isStaleThere,
  isTransient,
  isUnreachable,
  NOT_YET_RETRIES,
  STALE_RETRIES,
} from './when-to-repeat.ts'
import { PeerClient, type OnRoad, type PeerCall, type Resolve } from './peer-client.ts'

export type OutboundLimits = {
  readonly connectTimeoutMs: number
  readonly attemptTimeoutMs: number
  readonly maxMessageBytes: number
  /** Repetitions after the first attempt. */
  readonly retries: number
  /** So many failed calls in a row open the circuit; after so long one call is let through to see. */
  readonly breakAfter: number
  readonly breakFirstMs: number
  readonly breakMaxMs: number
}

export type OutboundParts = {
  readonly table: PeerTable
  readonly own: TlsMaterial
  readonly resolve: Resolve
  readonly memory: EndpointMemory
  readonly limits: OutboundLimits
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
}

type Way = { readonly client: PeerClient; readonly breaker: CircuitBreakerPolicy }

/**
 * Calls to other platforms: to each peer over its own connections, with its own circuit breaker.
 *
 *     circuit closed? ▸ attempt ▸ again, with growing and scattered delay, while nobody answers and there is time
 *
 * Nearly everything a peer can be asked may be asked again (acceptances, bundles and notices are bound to what they say,
 * beats say everything anew), so a call whose answer was lost is simply repeated, unless it says that it may not be.
 */
export class Outbound {
  readonly #parts: OutboundParts
  readonly #ways = new Map<string, Way>()
  readonly #broken
  #own: TlsMaterial

  constructor(parts: OutboundParts) {
    this.#parts = parts
    this.#own = parts.own
    this.#broken = parts.metrics.gauge(
      'fed_gateway_open_circuits',
      'Peers that are not called for now because they did not answer',
    )
    parts.table.watch((change) => this.#review(change))
  }

  /** Calls a peer. Throws a `Refusal`: PEER_UNREACHABLE, PEER_CIRCUIT_OPEN, PEER_REFUSED, … */
  call(route: PeerRoute, call: PeerCall): Promise<Buffer> {
    return this.#reach(route, call, (road, attempt) => road.call(attempt))
  }

  /** Opens a stream of a peer's answers; the same refusals, until it has begun. */
  stream(route: PeerRoute, call: PeerCall): Promise<OpenStream> {
    return this.#reach(route, call, (road, attempt) => road.stream(attempt))
  }

  /** As `stream`, both ways: nothing of `messages` is taken before the peer has let the call in, so trying again is safe. */
  talk(route: PeerRoute, call: PeerCall, messages: AsyncIterable<Buffer>): Promise<OpenStream> {
    return this.#reach(route, call, (road, attempt) => road.talk(attempt, messages))
  }

  async #reach<T>(route: PeerRoute, call: PeerCall, onRoad: OnRoad<T>): Promise<T> {
    const { breaker } = this.#way(route)
    try {
      return await breaker.execute(() => this.#repeatedly(route, call, onRoad))
    } catch (error) {
      if (error instanceof BrokenCircuitError) throw circuitOpen(breaker)
      throw error
    }
  }

  /** What we show to those who did not give us a certificate of theirs. */
  get own(): TlsMaterial {
    return this.#own
  }

  /** We hear from a peer: whatever was wrong with the road to it may be over, so the next call goes through. */
  heard(peerId: string): void {
    const way = this.#ways.get(peerId)
    if (way && way.breaker.state === CircuitState.Open) this.#forget(peerId, { cut: false })
  }

  /** Our certificate changed: new connections show the new one; calls under way finish on the old. */
  renew(own: TlsMaterial): void {
    this.#own = own
    for (const peerId of this.#ways.keys()) this.#forget(peerId, { cut: false })
  }

  close(): void {
    for (const peerId of this.#ways.keys()) this.#forget(peerId, { cut: true })
  }

  /** Each attempt takes the way as it is by then: a peer may have moved, or shown a new CA, since the one before. */
  #repeatedly<T>(route: PeerRoute, call: PeerCall, onRoad: OnRoad<T>): Promise<T> {
    const { table, limits, clock } = this.#parts
    const transient = retry(handleWhen(isTransient), {
      maxAttempts: call.repeatable === false ? 0 : limits.retries,
      backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 1_000 }), // scattered by its default generator
    }).dangerouslyUnref()
    const notYet = retry(
      handleWhen((error) => isNotYet(error) && isNew(route, clock.now())),
      { maxAttempts: NOT_YET_RETRIES, backoff: new ExponentialBackoff({ initialDelay: 15, maxDelay: 500 }) },
    ).dangerouslyUnref()
    // The other gateway knows for a moment too little to decide: nothing was done, so even what sends may be said again.
    const stale = retry(handleWhen(isStaleThere), {
      maxAttempts: STALE_RETRIES,
      backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 1_000 }),
    }).dangerouslyUnref()
    const again = wrap(transient, notYet, stale)
    return again.execute(() => {
      const current = table.peer(route.peerId)
      if (!current) throw new Refusal('PEER_NOT_FOUND', `peer ${route.peerId} is gone`)
      return this.#way(current).client.callOnce(call, onRoad)
    }, call.signal)
  }

  #way(route: PeerRoute): Way {
    const known = this.#ways.get(route.peerId)
    if (known) return known
    const { resolve, memory, clock, limits } = this.#parts
    const client = new PeerClient(route, { own: this.#own, resolve, memory, clock, ...limits })
    const way = { client, breaker: this.#breaker(route.peerId) }
    this.#ways.set(route.peerId, way)
    return way
  }

  #breaker(peerId: string): CircuitBreakerPolicy {
    const { breakAfter, breakFirstMs, breakMaxMs } = this.#parts.limits
    const breaker = circuitBreaker(handleWhen(isUnreachable), {
      breaker: new ConsecutiveBreaker(breakAfter),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: breakFirstMs, maxDelay: breakMaxMs }),
    })
    breaker.onBreak(() => this.#parts.logger.warn({ peer_id: peerId, state: 'open' }, 'circuit'))
    breaker.onReset(() => this.#parts.logger.info({ peer_id: peerId, state: 'closed' }, 'circuit'))
    breaker.onStateChange(() => this.#broken.set(this.#openCircuits()))
    return breaker
  }

  #openCircuits(): number {
    return [...this.#ways.values()].filter(({ breaker }) => breaker.state !== CircuitState.Closed).length
  }

  #forget(peerId: string, how: { readonly cut: boolean }): void {
    this.#ways.get(peerId)?.client.close(how)
    this.#ways.delete(peerId)
    this.#broken.set(this.#openCircuits())
  }

  /** What leads to a peer, or proves that it is there, has changed: the old roads are closed. Its state is asked per call. */
  #review({ before, after }: Change): void {
    if (!before) return
    if (after && sameWay(before, after)) return
    this.#parts.memory.forget(before.peerId)
    this.#forget(before.peerId, { cut: !after })
  }
}

function sameWay(one: PeerRoute, other: PeerRoute): boolean {
  return (
    sameRoots(one, other) &&
    (one.state === PeerState.REVOKED) === (other.state === PeerState.REVOKED) &&
    one.spiffeId === other.spiffeId &&
    sameBytes(
      [one.caPin, one.privateKeyPkcs8, ...one.certificateChain],
      [other.caPin, other.privateKeyPkcs8, ...other.certificateChain],
    ) &&
    JSON.stringify(one.endpoints) === JSON.stringify(other.endpoints)
  )
}

function sameBytes(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return (
    some.length === others.length && some.every((bytes, index) => Buffer.from(bytes).equals(others[index] ?? EMPTY))
  )
}
const EMPTY = new Uint8Array()

function circuitOpen({ lastFailure }: CircuitBreakerPolicy): Refusal {
  const last =
    lastFailure && 'error' in lastFailure && lastFailure.error instanceof Error ? lastFailure.error.message : ''
  return new Refusal('PEER_CIRCUIT_OPEN', `the peer did not answer lately and is left alone for a moment; ${last}`, {
    metadata: { last_failure: last },
    retryAfterMs: 1_000,
  })
}
