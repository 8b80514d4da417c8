import type { SpiffeId } from '@powernode/identity'

/** Who may call a server of ours: another service, or a person with an operator's certificate. */
export type Caller =
  { readonly kind: 'service'; readonly name: string } | { readonly kind: 'operator'; readonly name: string }

/** How a caller is written in logs, rows and events: `service/liveness`, `operator/alice`. */
export function callerText(caller: Caller): string {
  return `${caller.kind}/${caller.name}`
}

/**
 * The caller a verified certificate names, or nobody.
 *
 * MUST lie in our own trust domain: our CA also signs for peers and instances, and none of those has business here.
 */
export function callerFrom(id: SpiffeId | undefined, trustDomain: string): Caller | undefined {
  if (!id || id.trustDomain !== trustDomain) return undefined
  if (id.kind !== 'service' && id.kind !== 'operator') return undefined
  return { kind: id.kind, name: id.name }
}
