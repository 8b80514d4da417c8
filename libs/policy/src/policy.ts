import type { ResidencyRules, ResidencyVerdict } from './residency.ts'

/**
 * A grant as far as deciding goes; a row of the policy feed (powernode.policy.v1.PolicyGrant) is one.
 * Moments are milliseconds since 1970.
 */
export type PolicyGrant = {
  readonly id: string
  readonly peerId: string
  readonly secretSha256: Uint8Array
  readonly resourceKind: string
  /** Empty: every resource of the kind. */
  readonly resourceId: string
  /** Bits of scope.ts. */
  readonly scopes: number
  /** Axes. Empty or one "*": any, unless the platform is strict about axes. */
  readonly nodeInstanceIds: readonly string[]
  readonly sdwanNetworkIds: readonly string[]
  readonly sourceCidrs: readonly string[]
  /** SPIFFE ids or x5t#S256:<base64url>; empty: the identity the peer is enrolled with. */
  readonly boundIdentities: readonly string[]
  readonly notBeforeMs: number
  /** The grant is over AT this moment. */
  readonly expiresAtMs: number
  /** 0: not revoked. */
  readonly revokedAtMs: number
}

/** A kind of resource, and who serves it (powernode.policy.v1.ServedKind). */
export type ServedKind = {
  readonly kind: string
  readonly service: string
  readonly address: string
  readonly sensitiveFields: readonly string[]
  readonly dataClass: string
  /** Empty: the platform's home region. */
  readonly region: string
  readonly writable: boolean
}

/** What our operators say about one peer and where its data stays. */
export type PeerResidency = {
  readonly tag: string
  readonly mode: string
  /** Where the peer said it was when our operator set the tag. Empty: nowhere, which is unknown. */
  readonly located: string
}

/** All that a decision may depend on, as of one epoch. */
export interface Policy {
  readonly epoch: bigint
  readonly strictAxes: boolean
  readonly residency: ResidencyRules
  grant(id: string): PolicyGrant | undefined
  /** The state of the bridge of a peer to a network: the best there is, if several are on record. */
  bridgeState(peerId: string, networkId: string): string | undefined
  residencyOf(peerId: string): PeerResidency | undefined
  /** The id of an override that would let this one call pass. */
  override(peerId: string, kind: string, id: string, atMs: number): string | undefined
  kind(name: string): ServedKind | undefined
}

/** One call, as the door knows it: who is there, what is shown, what is wanted, from where. */
export type AccessRequest = {
  readonly peerId: string
  /** The SPIFFE id the peering was enrolled with. */
  readonly enrolledIdentity: string
  /** The SPIFFE id of this connection's certificate, and its SHA-256 (base64url, of the DER). */
  readonly presentedIdentity: string
  readonly certificateSha256: string
  readonly bearer: string | undefined
  readonly kind: string
  /** Empty: all of the kind. */
  readonly id: string
  readonly scope: string
  /** Empty: the call does not say. */
  readonly nodeInstanceId: string
  readonly sdwanNetworkId: string
  readonly sourceAddress: string
  /** Where the peer says it is. */
  readonly declaredResidency: string
}

export type DecisionReason =
  | 'ALLOWED'
  | 'GRANT_MISSING'
  | 'GRANT_UNKNOWN'
  | 'GRANT_FOREIGN'
  | 'GRANT_NOT_BOUND'
  | 'GRANT_EXPIRED'
  | 'GRANT_REVOKED'
  | 'SCOPE_MISMATCH'
  | 'KIND_UNKNOWN'
  | 'RESIDENCY_VIOLATION'
  | 'RESIDENCY_UNKNOWN'
  | 'POLICY_STALE'

/** In the order they are looked at: the first that fails is named. */
export const AXES = [
  'bearer',
  'peer',
  'identity',
  'lifetime',
  'kind',
  'id',
  'scope',
  'instance',
  'network',
  'bridge',
  'source',
  'residency',
] as const
export type Axis = (typeof AXES)[number]

/** What was decided, and why. For our own record: a peer is told what wire.ts makes of it. */
export type Verdict = {
  readonly allowed: boolean
  readonly reason: DecisionReason
  /** The first axis that failed; empty when allowed. */
  readonly axis: Axis | ''
  /** One sentence for operators of this side. */
  readonly detail: string
  /** The grant that was used, or that the bearer claims to be of. */
  readonly grantId: string
  /** Not empty: a list may show this resource and no other. */
  readonly onlyId: string
  /** The end of the grant: from this moment on the answer may be another. 0: no grant was used. */
  readonly untilMs: number
  /** What residency says; undefined where something before it refused. */
  readonly residency: ResidencyVerdict | undefined
}
