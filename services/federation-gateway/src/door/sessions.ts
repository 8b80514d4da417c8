import type { TLSSocket } from 'node:tls'
import { experimental, ServerCredentials, type Server } from '@grpc/grpc-js'
import type { Clock } from '@powernode/clock'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { DoorLimits } from '../limits.ts'
import type { Change, PeerTable } from '../peers/peer-table.ts'
import type { DoorMetrics } from './door-metrics.ts'
import type { Attend } from './grpc-server.ts'
import { sameRoots } from './tls-contexts.ts'
import { isStranger, type Visitor } from './visitor.ts'

/** One open connection on which calls come in. */
export type Session = {
  readonly visitor: Visitor
  /** Says goodbye (GOAWAY), lets running calls finish for so long, and then closes. Twice is once. */
  readonly end: (graceMs: number) => void
}

export type SessionParts = {
  /** For callers we know, and for those we do not: alike but for their limits. */
  readonly servers: { readonly callers: Server; readonly strangers: Server }
  /** What every call on a connection passes through first. */
  readonly attend: (session: Session) => Attend
  readonly table: PeerTable
  /** Ends what of a visitor would not end by itself, since what vouched for it has changed. */
  readonly doubt: (visitor: Visitor) => void
  readonly ownDomain: string
  readonly limits: Pick<DoorLimits, 'strangerLifetimeMs' | 'graceMs'>
  readonly clock: Clock
  readonly metrics: DoorMetrics
}

/** How long a revoked peer's running calls may go on. */
const REVOKED_GRACE_MS = 1_000

/**
 * The open connections, each with an injector of its own into the gRPC server.
 *
 * That way the visitor is known to every call by construction, never looked up by an address that two connections
 * could share; and each connection can be ended alone: when its peer is revoked, or what vouched for it has changed.
 */
export class Sessions {
  readonly #parts: SessionParts
  readonly #open = new Set<Session>()
  readonly #empty = new AbortController()
  #finishing = false

  constructor(parts: SessionParts) {
    this.#parts = parts
    parts.table.watch((change) => this.#review(change))
  }

  get size(): number {
    return this.#open.size
  }

  /** Hands a connection, whose TLS is done, to the gRPC server. */
  open(visitor: Visitor, socket: TLSSocket): void {
    const { servers, attend, limits, metrics } = this.#parts
    const kind = isStranger(visitor) ? 'stranger' : 'caller'
    const session: Session = { visitor, end: (graceMs) => injector.drain(graceMs) }
    const credentials = experimental.createServerCredentialsWithInterceptors(ServerCredentials.createInsecure(), [
      attend(session),
    ]) // "insecure" to gRPC only: the TLS below it is ours
    const injector = servers[kind === 'caller' ? 'callers' : 'strangers'].createConnectionInjector(credentials)
    this.#open.add(session)
    metrics.connections(kind, 1)
    const closed = new AbortController()
    socket.once('close', () => {
      this.#open.delete(session)
      if (this.#finishing && this.#open.size === 0) this.#empty.abort()
      metrics.connections(kind, -1)
      injector.destroy()
      closed.abort()
    })
    injector.injectConnection(socket)
    if (kind === 'stranger') void this.#endAfter(limits.strangerLifetimeMs, session, closed.signal)
  }

  /** Our own roots or revocation list changed: whoever they vouched for has to show its certificate again. */
  reviewOwn(): void {
    const { ownDomain } = this.#parts
    this.#doubtWhere(({ identity }) => identity.kind === 'own' || inDomain(identity, ownDomain))
  }

  /** Says goodbye to all, and waits until they are gone; no longer than `graceMs`. */
  async finish(graceMs: number): Promise<void> {
    this.#finishing = true
    this.#endWhere(() => true, graceMs)
    if (this.#open.size > 0) await this.#parts.clock.sleep(graceMs, this.#empty.signal)
  }

  #review({ before, after }: Change): void {
    const { ownDomain } = this.#parts
    if (before && isGone(after) && !isGone(before)) {
      this.#endWhere(
        ({ identity }) => identity.kind === 'peer' && identity.spiffeId === before.spiffeId,
        REVOKED_GRACE_MS,
      )
    }
    if (before && after && sameRoots(before, after)) return
    for (const route of [before, after]) {
      if (!route || route.trustDomain === ownDomain) continue // a child of ours: reviewOwn looks after those
      this.#doubtWhere(({ identity }) => inDomain(identity, route.trustDomain))
    }
  }

  #doubtWhere(applies: (visitor: Visitor) => boolean): void {
    const { limits, doubt } = this.#parts
    this.#endWhere(applies, limits.graceMs)
    for (const { visitor } of this.#open) if (applies(visitor)) doubt(visitor)
  }

  #endWhere(applies: (visitor: Visitor) => boolean, graceMs: number): void {
    for (const session of this.#open) if (applies(session.visitor)) session.end(graceMs)
  }

  async #endAfter(ms: number, session: Session, closed: AbortSignal): Promise<void> {
    await this.#parts.clock.sleep(ms, closed)
    session.end(this.#parts.limits.graceMs)
  }
}

function isGone(route: PeerRoute | undefined): boolean {
  return !route || route.state === PeerState.REVOKED
}

/** Whoever was let in on the word of a trust domain, or was not because we did not know it then. */
function inDomain(identity: Visitor['identity'], trustDomain: string): boolean {
  if (trustDomain === '') return false
  if (identity.kind === 'untrusted') return identity.claimed === trustDomain
  return identity.kind === 'peer' && identity.trustDomain === trustDomain
}
