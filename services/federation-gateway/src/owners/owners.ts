import { Code, ConnectError, type Client } from '@connectrpc/connect'
import type { ServedKind } from '@powernode/policy'
import { hostPort } from '@powernode/process'
import { createClient, Refusal, refusalOf, type Reason, type TransportOptions } from '@powernode/rpc'
import { ResourceService } from '@powernode/proto/powernode/resource/v1/service_pb.ts'

export type Owner = Client<typeof ResourceService>

type Known = { readonly client: Owner; readonly close: () => void }

/** More services than a platform has; those asked longest ago are left first. */
const MOST_OWNERS = 64

/** What an owner may say to a peer in its own words. Whatever else it refuses us for is between it and us. */
const FOR_PEERS: readonly (Reason | undefined)[] = [
  'RESOURCE_NOT_FOUND',
  'RESOURCE_KIND_UNKNOWN',
  'RESOURCE_READ_ONLY',
  'RESOURCE_CHANGED_MEANWHILE',
  'PAGE_TOKEN_INVALID',
  'REQUEST_INVALID',
  'MESSAGE_TOO_LARGE',
  'DEADLINE_EXCEEDED',
]

/**
 * The services that serve kinds of resources, as the policy names them: found by address, known by certificate.
 *
 * An address alone proves nothing: whoever answers there MUST show the SPIFFE id of the service the kind belongs to.
 */
export class Owners {
  readonly #way: Omit<TransportOptions, 'address' | 'server'>
  readonly #known = new Map<string, Known>()

  constructor(way: Omit<TransportOptions, 'address' | 'server'>) {
    this.#way = way
  }

  /** Asks the owner of a kind. One that is away, or refuses us, is SERVICE_UNAVAILABLE to the peer. */
  async ask<T>(kind: ServedKind, question: (owner: Owner) => Promise<T>): Promise<T> {
    try {
      return await question(this.of(kind))
    } catch (error) {
      throw this.answerTo(kind, error)
    }
  }

  of({ service, address }: ServedKind): Owner {
    const key = `${service} ${address}`
    const known = this.#known.get(key) ?? this.#connect(service, address)
    this.#known.delete(key)
    this.#known.set(key, known)
    for (const [oldest, { close }] of this.#known) {
      if (this.#known.size <= MOST_OWNERS) break
      this.#known.delete(oldest)
      close()
    }
    return known.client
  }

  /** What a peer is told when its owner did not answer. */
  answerTo(kind: ServedKind, error: unknown): unknown {
    const refusal = refusalOf(error)
    if (refusal && FOR_PEERS.includes(refusal.reason)) return refusal
    if (error instanceof ConnectError && !error.isWireError && error.code === Code.Canceled) return error
    this.#way.logger.warn({ kind: kind.kind, address: kind.address, error }, 'the owner of a kind did not answer')
    return new Refusal('SERVICE_UNAVAILABLE', 'the service that has these resources cannot be reached; try again', {
      retryAfterMs: 1_000,
    })
  }

  close(): void {
    for (const { close } of this.#known.values()) close()
    this.#known.clear()
  }

  #connect(service: string, address: string): Known {
    const closing = new AbortController()
    const way = { ...this.#way, address: hostPort.parse(address), server: service.replace(/^service\//, '') }
    return { client: createClient(ResourceService, way, closing.signal), close: () => closing.abort() }
  }
}
