import type { SpiffeId } from '@powernode/identity'
import type { Permission } from '../server/permissions.ts'

/** Whom a certificate of ours names: a service, or an operator, of whom it says nothing but the name. */
export type Holder = { readonly kind: 'service' | 'operator'; readonly name: string }

/** An operator, and what it may do at this moment. */
export type OperatorCaller = {
  readonly kind: 'operator'
  readonly name: string
  readonly permissions: ReadonlySet<Permission>
  /** A program that acts on its own: what it does goes through the approval policies. */
  readonly agent: boolean
  /** Why it may only look for now: an agent, while agents are halted. */
  readonly halted?: string
  /** The operator whose certificate it was, where a token speaks for another. */
  readonly heldBy?: string
  /** How it showed who it is. */
  readonly by: 'certificate' | 'token'
}

/** Who calls a server of ours: another service, or an operator. */
export type Caller = { readonly kind: 'service'; readonly name: string } | OperatorCaller

/** How a caller is written in logs, rows and events: `service/liveness`, `operator/alice`. */
export function callerText({ kind, name }: Holder): string {
  return `${kind}/${name}`
}

/**
 * Whom a verified certificate names, or nobody.
 *
 * MUST lie in our own trust domain: our CA also signs for peers and instances, and none of those has business here.
 */
export function holderFrom(id: SpiffeId | undefined, trustDomain: string): Holder | undefined {
  if (!id || id.trustDomain !== trustDomain) return undefined
  if (id.kind !== 'service' && id.kind !== 'operator') return undefined
  return { kind: id.kind, name: id.name }
}
