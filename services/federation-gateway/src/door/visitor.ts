import type { Socket } from 'node:net'
import type { Identity } from './identity.ts'

/** One connection that has come through the door: where from, and who, worked out once. */
export type Visitor = {
  readonly remoteAddress: string
  /** Under which name its address is counted. */
  readonly source: string
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

/** Both ends of a connection: what tells open connections apart, also through the TLS that is put over them. */
export function endsOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`
}
