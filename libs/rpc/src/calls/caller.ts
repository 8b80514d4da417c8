import type { SpiffeId } from '@powernode/identity'
import type { Permission } from '../server/permissions.ts'

/** Whom a certificate of ours names: a service, a node of ours, or an operator, of whom it says nothing but the name. */
export type Holder = { readonly kind: 'service' | 'operator' | 'instance'; readonly name: string }

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

/** Who calls a server of ours: another service, a node (its name is its uuid), or an operator. */
export type Caller = { readonly kind: 'service' | 'instance'; readonly name: string } | OperatorCaller

/** A program that acts on its own. */
export const isAgent = (caller: Caller): boolean => caller.kind === 'operator' && caller.agent

/** How a caller is written in logs, rows and events: `service/liveness`, `operator/alice`, `instance/<uuid>`. */
export function callerText({ kind, name }: Holder): string {
  return `${kind}/${name}`
}

/**
 * Whom a verified certificate names, or nobody.
 *
 * MUST lie in our own trust domain: our CA also signs for peers, and none of those has business here.
 */
export function holderFrom(id: SpiffeId | undefined, trustDomain: string): Holder | undefined {
  if (!id || id.trustDomain !== trustDomain) return undefined
  if (id.kind === 'peer') return undefined
  return { kind: id.kind, name: id.name }
}
