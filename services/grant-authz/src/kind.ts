import { Refusal } from '@powernode/rpc'

/** A sort of resource that peers may be shown, as the inventory declares it. */
export type Kind = {
  readonly kind: string
  /** The extension that brings it. */
  readonly extension: string
  readonly dependencies: readonly string[]
  readonly duplicable: boolean
  readonly migratable: boolean
  /** What peers are never shown, and never write; a.b is a field within one. */
  readonly sensitiveFields: readonly string[]
  readonly dataClass: string
  /** Undefined: the platform's home region. */
  readonly region: string | undefined
  /** Whether peers may write at all, given the scope. */
  readonly writable: boolean
}

/** Who answers for a kind. */
export type Server = {
  /** service/<name>; empty: nobody. */
  readonly service: string
  /** host:port; empty: the catalogue's own. */
  readonly address: string
  /** Until when another service answers without saying so again. */
  readonly leaseUntil: Date | undefined
}

export type KnownKind = Kind & { readonly server: Server }

export const CATALOGUE: Server = { service: 'service/grant-authz', address: '', leaseUntil: undefined }
export const NOBODY: Server = { service: '', address: '', leaseUntil: undefined }

/** What a service has to repeat its registration within. */
export const KIND_LEASE_MS = 30_000

/**
 * Who answers for a kind once a service has said that it does.
 *
 * A kind has one owner: while its lease runs, no other service takes it. Replicas of one service answer at different
 * addresses: the one that has the kind keeps it, so that gateways are not told of another every few seconds, until it has
 * missed its turn.
 */
export function registered(
  { kind, server }: KnownKind,
  said: { readonly service: string; readonly address: string },
  now: Date,
): Server {
  const leftMs = server.leaseUntil ? server.leaseUntil.getTime() - now.getTime() : 0
  if (leftMs > 0 && server.service !== said.service) {
    throw new Refusal('CALLER_NOT_ALLOWED', `${kind} is served by ${server.service}`, {
      metadata: { kind, service: server.service },
      retryAfterMs: leftMs,
    })
  }
  if (leftMs > KIND_LEASE_MS / 2 && server.address !== said.address) return server
  return { ...said, leaseUntil: new Date(now.getTime() + KIND_LEASE_MS) }
}

/** Refuses a kind of which the catalogue does not hold the records. */
export function requireOwn({ kind, server }: KnownKind): void {
  if (server.service === CATALOGUE.service) return
  throw new Refusal(
    'RESOURCE_KIND_UNKNOWN',
    server.service === '' ? `nobody serves ${kind} at this moment` : `${kind} is served by ${server.service}, not here`,
    { metadata: { kind, service: server.service }, next: 'fedctl resource kinds' },
  )
}

export function unknownKind(kind: string): Refusal {
  return new Refusal('RESOURCE_KIND_UNKNOWN', `no service of this platform serves ${JSON.stringify(kind)}`, {
    metadata: { kind },
    next: 'fedctl resource kinds',
  })
}
