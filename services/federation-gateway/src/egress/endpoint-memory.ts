import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { Metrics } from '@powernode/process'
import type { Clock } from '@powernode/clock'
import type { Logger } from '@powernode/process'
import { EndpointScope, type Endpoint } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'

/** For so long an endpoint that failed is tried after all others. */
const FAILED_FOR_MS = 30_000

/** What became of the last try, and when it last went the one way and the other. */
type Fared = {
  readonly reachable: boolean
  readonly at: Date
  readonly why: string
  readonly verifiedAt: Date | undefined
  readonly failedAt: Date | undefined
}

/** An endpoint that was tried, for operators. */
export type TriedEndpoint = {
  readonly peerId: string
  readonly url: string
  readonly status: 'reachable' | 'unreachable'
  readonly verifiedAt: Date | undefined
  readonly failedAt: Date | undefined
  readonly why: string
}

/**
 * How we fared with each endpoint of each peer, and the order to try them in.
 *
 * In memory only: after a restart every endpoint gets its chance again.
 */
export class EndpointMemory {
  readonly #fared = new Map<string, Map<string, Fared>>()
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #gauge

  constructor({
    clock,
    logger,
    metrics,
  }: {
    readonly clock: Clock
    readonly logger: Logger
    readonly metrics: Metrics
  }) {
    this.#clock = clock
    this.#logger = logger
    this.#gauge = metrics.gauge('fed_gateway_endpoints', "Peers' endpoints that were tried, by how the last try went", [
      'status',
    ])
  }

  /** Those that did not just fail first; then those meant for a network we are in; then by priority; then the nearer. */
  inOrder({ peerId, endpoints }: PeerRoute): Endpoint[] {
    const now = this.#clock.now().getTime()
    const rank = (endpoint: Endpoint): readonly number[] => {
      const fared = this.#fared.get(peerId)?.get(endpoint.url)
      const justFailed = fared !== undefined && !fared.reachable && now - fared.at.getTime() < FAILED_FOR_MS
      return [Number(justFailed), Number(!isForUs(endpoint.cidrHint)), endpoint.priority, NEARNESS[endpoint.scope] ?? 9]
    }
    return endpoints.toSorted((a, b) => compare(rank(a), rank(b)))
  }

  reached({ peerId }: PeerRoute, { url }: Endpoint): void {
    this.#note(peerId, url, true, '')
  }

  failed({ peerId }: PeerRoute, { url }: Endpoint, why: string): void {
    this.#note(peerId, url, false, why)
  }

  /** What was tried, of these peers or of all. */
  list(peerIds: readonly string[]): TriedEndpoint[] {
    const asked = peerIds.length > 0 ? peerIds : [...this.#fared.keys()]
    return asked.flatMap((peerId) =>
      [...(this.#fared.get(peerId) ?? [])].map(([url, { reachable, verifiedAt, failedAt, why }]) => {
        return { peerId, url, status: statusOf(reachable), verifiedAt, failedAt, why }
      }),
    )
  }

  /** The peer is gone, or its endpoints are new: what we remember is of no more use. */
  forget(peerId: string): void {
    for (const { reachable } of this.#fared.get(peerId)?.values() ?? [])
      this.#gauge.dec({ status: statusOf(reachable) })
    this.#fared.delete(peerId)
  }

  // oxlint-disable-next-line max-params -- which endpoint, and how it went
  #note(peerId: string, url: string, reachable: boolean, why: string): void {
    const ofPeer = this.#fared.get(peerId) ?? new Map<string, Fared>()
    const before = ofPeer.get(url)
    const at = this.#clock.now()
    const verifiedAt = reachable ? at : before?.verifiedAt
    const fared: Fared = { reachable, at, why, verifiedAt, failedAt: reachable ? before?.failedAt : at }
    this.#fared.set(peerId, ofPeer.set(url, fared))
    if (before?.reachable === fared.reachable) return
    if (before) this.#gauge.dec({ status: statusOf(before.reachable) })
    this.#gauge.inc({ status: statusOf(fared.reachable) })
    this.#logger.info({ peer_id: peerId, url, state: statusOf(fared.reachable), reason: fared.why }, 'endpoint')
  }
}

const NEARNESS: Readonly<Record<number, number>> = {
  [EndpointScope.LAN]: 0,
  [EndpointScope.SDWAN]: 1,
  [EndpointScope.WAN]: 2,
}

function statusOf(reachable: boolean): 'reachable' | 'unreachable' {
  return reachable ? 'reachable' : 'unreachable'
}

function compare(some: readonly number[], others: readonly number[]): number {
  const at = some.findIndex((value, index) => value !== others[index])
  return at < 0 ? 0 : (some[at] ?? 0) - (others[at] ?? 0)
}

/** Whether one of this machine's addresses lies in the network an endpoint is meant for. No hint: meant for everybody. */
function isForUs(cidrHint: string): boolean {
  if (!ipaddr.isValidCIDR(cidrHint)) return true
  const [network, bits] = ipaddr.parseCIDR(cidrHint)
  return Object.values(networkInterfaces())
    .flat()
    .some((found) => {
      if (!found || !ipaddr.isValid(found.address)) return false
      const address = ipaddr.parse(found.address)
      return address.kind() === network.kind() && address.match(network, bits)
    })
}
