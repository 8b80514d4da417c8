import type { DecisionReason, Verdict } from './policy.ts'

/** What a peer is told: a reason of refusal.proto, and a sentence that is the same for all who get that reason. */
export type WireAnswer = { readonly reason: WireReason; readonly sentence: string }

export type WireReason =
  | 'GRANT_REQUIRED'
  | 'GRANT_INVALID'
  | 'SCOPE_MISMATCH'
  | 'RESOURCE_KIND_UNKNOWN'
  | 'RESIDENCY_VIOLATION'
  | 'POLICY_STALE'

const INVALID: WireAnswer = { reason: 'GRANT_INVALID', sentence: 'the bearer gives no access here' }
const RESIDENCY: WireAnswer = {
  reason: 'RESIDENCY_VIOLATION',
  sentence: 'data of this class may not go where this call would take it',
}

/** Whatever is wrong with a bearer is one answer: neither the words nor the metadata tell unknown from revoked. */
export const WIRE: Readonly<Record<Exclude<DecisionReason, 'ALLOWED'>, WireAnswer>> = {
  GRANT_MISSING: { reason: 'GRANT_REQUIRED', sentence: 'a call for resources needs a bearer' },
  GRANT_UNKNOWN: INVALID,
  GRANT_FOREIGN: INVALID,
  GRANT_NOT_BOUND: INVALID,
  GRANT_EXPIRED: INVALID,
  GRANT_REVOKED: INVALID,
  SCOPE_MISMATCH: { reason: 'SCOPE_MISMATCH', sentence: 'the grant does not cover this use' },
  KIND_UNKNOWN: { reason: 'RESOURCE_KIND_UNKNOWN', sentence: 'no service of this platform serves such a kind' },
  RESIDENCY_VIOLATION: RESIDENCY,
  RESIDENCY_UNKNOWN: RESIDENCY,
  POLICY_STALE: { reason: 'POLICY_STALE', sentence: 'this platform cannot decide right now; try again in a moment' },
}

/**
 * A refusal as it goes over the border; undefined for a verdict that allows.
 * The axis is named for a grant that is good and does not cover the call; never what the grant allows, nor what was said.
 */
export function onWire({
  reason,
  axis,
}: Verdict): (WireAnswer & { readonly metadata: Record<string, string> }) | undefined {
  if (reason === 'ALLOWED') return undefined
  return { ...WIRE[reason], metadata: reason === 'SCOPE_MISMATCH' ? { axis } : {} }
}
