import type { JsonObject } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'
import { checkAxes, type Axes } from './axes.ts'

export const SCOPES = ['read', 'write', 'admin', 'migrate'] as const
/** None implies another. */
export type Scope = (typeof SCOPES)[number]

/** What a peer may do here, for whom on its side, until when. */
export type Grant = Axes & {
  readonly id: string
  readonly peerId: string
  /** For whom on the other side, for example `parent-operator@<peer id>`. */
  readonly remoteSubject: string
  readonly resourceKind: string
  /** Empty: every resource of the kind. */
  readonly resourceId: string
  readonly scopes: readonly Scope[]
  /** SPIFFE ids or x5t#S256:<…>; empty: the identity the peer is enrolled with. */
  readonly boundIdentities: readonly string[]
  /** SHA-256 of the secret in the bearer, which is kept nowhere. */
  readonly secretSha256: Buffer
  readonly issuedAt: Date
  readonly issuedBy: string
  /** For how long it was issued: what a renewal gives unless told otherwise. */
  readonly ttlMs: number
  readonly expiresAt: Date
  readonly renewedAt: Date | null
  readonly revokedAt: Date | null
  readonly revokedBy: string
  readonly revocationReason: string
  /** From when on it is over for good: by revocation, or because its end was noticed. */
  readonly endedAt: Date | null
  readonly archivedAt: Date | null
  readonly remindedAt: Date | null
  readonly deliveredAt: Date | null
  readonly lastChangedAt: Date
  readonly metadata: JsonObject
  readonly revision: number
}

export const STATUSES = ['active', 'expired', 'revoked', 'archived'] as const
export type Status = (typeof STATUSES)[number]

/** Where a grant stands at a moment. A grant ends with its last moment: at `expiresAt` it has expired. */
export function statusAt({ archivedAt, revokedAt, expiresAt }: Grant, moment: Date): Status {
  if (archivedAt) return 'archived'
  if (revokedAt) return 'revoked'
  return moment < expiresAt ? 'active' : 'expired'
}

export const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
/** How long a grant that is over is still listed and told of. */
export const KEPT_MS = 90 * DAY_MS
const LONGEST_REASON = 256

/** What a new grant is made of; the rest follows. */
export type Wanted = Axes & {
  readonly id: string
  readonly peerId: string
  readonly remoteSubject: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly scopes: readonly Scope[]
  readonly boundIdentities: readonly string[]
  readonly secretSha256: Uint8Array
  readonly issuedBy: string
  readonly ttlMs: number
  readonly metadata: JsonObject
}

/** How far an operator may go: the platform's settings. */
export type Limits = { readonly longestTtlMs: number; readonly strictAxes: boolean }

/** A new grant, within what the platform allows. */
export function issue(wanted: Wanted, at: Date, limits: Limits): Grant {
  checkAxes(wanted, limits)
  checkTtl(wanted.ttlMs, limits)
  return {
    ...wanted,
    scopes: inOrder(wanted.scopes),
    secretSha256: Buffer.from(wanted.secretSha256),
    issuedAt: at,
    expiresAt: new Date(at.getTime() + wanted.ttlMs),
    renewedAt: null,
    revokedAt: null,
    revokedBy: '',
    revocationReason: '',
    endedAt: null,
    archivedAt: null,
    remindedAt: null,
    deliveredAt: null,
    lastChangedAt: at,
    revision: 1,
  }
}

/** What may be changed in place, under the same bearer. */
export type Changes = Partial<Pick<Grant, ChangeableField>>
type ChangeableField = (typeof CHANGEABLE)[number]
const CHANGEABLE = ['scopes', 'nodeInstanceIds', 'sdwanNetworkIds', 'sourceCidrs', 'boundIdentities'] as const

const WIRE_NAMES: Readonly<Record<ChangeableField, string>> = {
  scopes: 'scopes',
  nodeInstanceIds: 'node_instance_ids',
  sdwanNetworkIds: 'sdwan_network_ids',
  sourceCidrs: 'source_cidrs',
  boundIdentities: 'bound_identities',
}

/** The grant with other scopes or axes, and the names of what is different. */
export function update(
  grant: Grant,
  { changes, at, limits }: { changes: Changes; at: Date; limits: Limits },
): { readonly grant: Grant; readonly changed: readonly string[] } {
  mustBeActive(grant, at)
  const wanted = { ...grant, ...changes, lastChangedAt: at }
  const after = { ...wanted, scopes: inOrder(wanted.scopes) }
  const changed = CHANGEABLE.filter((field) => !sameList(grant[field], after[field]))
  if (changed.length === 0) return { grant, changed: [] }
  checkAxes(after, limits)
  return { grant: after, changed: changed.map((field) => WIRE_NAMES[field]) }
}

/** The grant with a later end. It is reminded of again before that. */
export function renew(grant: Grant, { ttlMs, at, limits }: { ttlMs: number; at: Date; limits: Limits }): Grant {
  mustBeActive(grant, at)
  checkTtl(ttlMs, limits)
  const expiresAt = new Date(at.getTime() + ttlMs)
  if (expiresAt < grant.expiresAt)
    throw new Refusal('GRANT_TTL_OUT_OF_RANGE', `the grant would end sooner than it does now`, {
      metadata: { grant_id: grant.id, expires_at: grant.expiresAt.toISOString() },
      next: `a grant ends early by revoking it: fedctl grant revoke ${grant.id}`,
    })
  return { ...grant, expiresAt, renewedAt: at, remindedAt: null, lastChangedAt: at }
}

/** A reason as it is kept: what does not fit is cut, because a revocation MUST NOT fail for it. No character is cut in two. */
export const reasonOf = (said: string): string => Array.from(said).slice(0, LONGEST_REASON).join('')

function mustBeActive(grant: Grant, at: Date): void {
  const status = statusAt(grant, at)
  if (status === 'active' && !grant.endedAt) return
  throw new Refusal('GRANT_OVER', `the grant is ${status === 'active' ? 'expired' : status}, and stays so`, {
    metadata: { grant_id: grant.id, status },
    next: `issue another: fedctl grant create ${grant.peerId} --kind ${grant.resourceKind}`,
  })
}

/** A minute at least, and no longer than the platform allows. */
export function checkTtl(ttlMs: number, { longestTtlMs }: Pick<Limits, 'longestTtlMs'>): void {
  if (ttlMs >= MINUTE_MS && ttlMs <= longestTtlMs) return
  throw new Refusal(
    'GRANT_TTL_OUT_OF_RANGE',
    'a grant lasts a minute at least, and no longer than the platform allows',
    {
      metadata: { min_seconds: `${MINUTE_MS / 1000}`, max_seconds: `${longestTtlMs / 1000}` },
      next: `choose --ttl between 1m and ${Math.floor(longestTtlMs / DAY_MS)}d, or raise the limit: fedctl grant settings`,
    },
  )
}

const inOrder = (scopes: readonly Scope[]): readonly Scope[] => SCOPES.filter((scope) => scopes.includes(scope))
const sameList = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value, at) => value === other[at])
