import { constants } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import { certificatesToPem, derToPem, type TlsMaterial } from '@powernode/identity'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'
import type { Change, PeerTable } from '../peers/peer-table.ts'

/** Of every context: TLS 1.3 or nothing, and no session tickets, so that each connection verifies its certificate anew. */
export const TLS_OPTIONS = {
  minVersion: 'TLSv1.3',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const satisfies SecureContextOptions

/**
 * Which certificate we show, and which roots alone decide, for each trust domain a caller may claim.
 *
 * A caller names the trust domain of its certificate as TLS server name (RFC 6066 §3). It gets a context that trusts
 * that domain's current bundle and nothing else, so OpenSSL itself cannot let one peer's CA vouch for another's name.
 * Contexts are made when first asked for, and made anew after the peer's bundle or our own certificate has changed.
 */
export class TlsContexts {
  readonly #table: PeerTable
  #own: TlsMaterial
  #ofPeers = new Map<string, SecureContext>()
  #version = 0
  #changedAt = new Map<string, number>()

  constructor(table: PeerTable, own: TlsMaterial) {
    this.#table = table
    this.#own = own
    table.watch((change) => this.#forget(change))
  }

  get ownDomain(): string {
    return this.#own.spiffeId.trustDomain
  }

  /** Grows whenever what vouches for somebody changes. */
  get version(): number {
    return this.#version
  }

  /** Our own certificate, roots or revocation list changed: every context shows or asks one of them. */
  renew(own: TlsMaterial): void {
    const trust = sameTrust(own, this.#own) ? undefined : this.ownDomain
    this.#own = own
    this.#ofPeers.clear()
    if (trust) this.#changedAt.set(trust, ++this.#version)
  }

  /**
   * The domain whose roots decide about a caller who gave this server name: a peer's, else our own.
   *
   * Asked twice, when TLS begins and when it is done. Whoever acts on the second answer MUST make sure with
   * `changedSince` that it is still the first: a peer that is removed while it lingers in its handshake would
   * otherwise be verified by its own roots and then be taken for one of us.
   */
  domainFor(serverName: string | undefined): string {
    return serverName && serverName !== this.ownDomain && this.#table.byTrustDomain(serverName)
      ? serverName
      : this.ownDomain
  }

  /** Whether what vouches for this server name, or for ourselves, has changed after `version`. */
  changedSince(version: number, serverName: string | undefined): boolean {
    return [serverName ?? '', this.ownDomain].some((domain) => (this.#changedAt.get(domain) ?? 0) > version)
  }

  /** The context for a server name; undefined stands for the default one. Throws when a peer's bundle cannot be used. */
  contextFor(serverName: string): SecureContext | undefined {
    const domain = this.domainFor(serverName)
    if (domain === this.ownDomain) return undefined
    const known = this.#ofPeers.get(domain)
    if (known) return known
    const route = this.#table.byTrustDomain(domain)
    if (!route) return undefined
    const context = createSecureContext(peerContext(route, this.#own))
    this.#ofPeers.set(domain, context)
    return context
  }

  /** For callers of our own domain, those we signed for, and everybody we do not know. */
  defaultOptions(): SecureContextOptions {
    const { cert, key, ca, crl } = this.#own
    return { ...TLS_OPTIONS, cert, key, ca, ...(crl !== undefined && { crl }) }
  }

  #forget({ before, after }: Change): void {
    for (const route of [before, after]) if (route) this.#ofPeers.delete(route.trustDomain)
    if (before && after && sameRoots(before, after)) return
    for (const route of [before, after]) {
      // Whom we sign for is of our own domain, and what vouches there are our own files: another child is no news to it.
      if (route && route.trustDomain !== this.ownDomain) this.#changedAt.set(route.trustDomain, ++this.#version)
    }
  }
}

/** Whether two versions of a route are vouched for by the same roots and revocation lists. */
export function sameRoots(one: PeerRoute, other: PeerRoute): boolean {
  return (
    one.trustDomain === other.trustDomain &&
    sameBytes(one.trustRoots, other.trustRoots) &&
    sameBytes(one.crls, other.crls)
  )
}

function sameBytes(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  return (
    some.length === others.length && some.every((bytes, index) => Buffer.compare(bytes, others[index] ?? EMPTY) === 0)
  )
}
const EMPTY = new Uint8Array()

/** Whether two versions of our own identity trust the same roots and revocation lists. */
export function sameTrust(one: TlsMaterial, other: TlsMaterial): boolean {
  return one.ca === other.ca && one.crl?.join() === other.crl?.join()
}

function peerContext(route: PeerRoute, own: TlsMaterial): SecureContextOptions {
  return { ...TLS_OPTIONS, ...shownTo(route, own), ...trustedOf(route) }
}

/** What we show a peer: the certificate it signed for us (we are its child), else our own. */
export function shownTo(route: PeerRoute, own: TlsMaterial): { readonly cert: string; readonly key: string } {
  if (route.certificateChain.length === 0) return { cert: own.cert, key: own.key }
  return { cert: certificatesToPem(route.certificateChain), key: derToPem(route.privateKeyPkcs8, 'PRIVATE KEY') }
}

/**
 * What vouches for a peer: its roots, and its revocation lists when it publishes any.
 * OpenSSL then checks the whole chain against them and refuses what no list covers, or an outdated one: closed, not open.
 */
export function trustedOf(route: PeerRoute): { readonly ca: string; readonly crl?: string[] } {
  const ca = certificatesToPem(route.trustRoots)
  if (route.crls.length === 0) return { ca }
  return { ca, crl: route.crls.map((crl) => derToPem(crl, 'X509 CRL')) }
}
