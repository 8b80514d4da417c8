import type { Socket } from 'node:net'
import type { Identity } from './identity.ts'

/** One connection that has come through the door: where from, and who, worked out once. */
export type Visitor = {
  readonly remoteAddress: string
  /** Under which name its address is counted. */
  readonly source: string
  /** Under which name its connections and calls are counted. */
  readonly countedAs: string
  readonly identity: Identity
}

/** A connection that everybody may open: nobody we know stands behind it. */
export function isStranger({ identity }: Visitor): boolean {
  return identity.kind === 'nobody' || identity.kind === 'untrusted'
}

/** How a visitor is called in the log. */
export function visitorName({ identity }: Visitor): string {
  return identity.kind === 'peer' || identity.kind === 'own' ? identity.spiffeId : identity.kind
}

/**
 * What counts as one caller. A peer signs for as many names of its own domain as it likes, so its domain is one, or it could
 * take the places of all the others; to those we signed for we gave their names; nobody vouches for a stranger but where he
 * comes from.
 */
export function countedAs({ source, identity }: Omit<Visitor, 'countedAs'>, ownDomain: string): string {
  if (identity.kind === 'nobody' || identity.kind === 'untrusted') return source
  if (identity.kind === 'own' || identity.trustDomain === ownDomain) return identity.spiffeId
  return `spiffe://${identity.trustDomain}`
}

/** Both ends of a connection: what tells open connections apart, also through the TLS that is put over them. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
