export type Scope = 'read' | 'write' | 'admin' | 'migrate'

/** What a peer may do here, for whom on its side, until when. */
export type Grant = {
  readonly id: string
  readonly peerId: string
  /** For whom on the other side, for example `parent-operator@<peer id>`. */
  readonly remoteSubject: string
  readonly resourceKind: string
  /** Undefined: every resource of the kind. */
  readonly resourceId: string | undefined
  /** None implies another. */
  readonly scopes: readonly Scope[]
  /** `['*']`: any. */
  readonly nodeInstanceIds: readonly string[]
  readonly sdwanNetworkIds: readonly string[]
  readonly sourceCidrs: readonly string[]
  readonly issuedAt: Date
  readonly issuedBy: string
  readonly expiresAt: Date
  readonly revokedAt: Date | undefined
  readonly revocationReason: string
}

export type Status = 'active' | 'expired' | 'revoked'

/** Where a grant stands at a moment. A grant ends with its last moment: at `expiresAt` it has expired. */
export function statusAt({ revokedAt, expiresAt }: Grant, moment: Date): Status {
  if (revokedAt) return 'revoked'
  return moment < expiresAt ? 'active' : 'expired'
}

export const MANAGED_CHILD_OPERATOR = 'managed_child_operator'

const ANY = ['*'] as const
const YEAR_MS = 365 * 86_400_000

/** The grant by which a parent's operators look after a managed child: given by itself, once, for a year. */
export function managedChildOperator({ id, peerId, at }: { id: string; peerId: string; at: Date }): Grant {
  return {
    id,
    peerId,
    remoteSubject: `parent-operator@${peerId}`,
    resourceKind: MANAGED_CHILD_OPERATOR,
    resourceId: undefined,
    scopes: ['read', 'write', 'admin'],
    nodeInstanceIds: ANY,
    sdwanNetworkIds: ANY,
    sourceCidrs: ANY,
    issuedAt: at,
    issuedBy: 'service/grant-authz',
    expiresAt: new Date(at.getTime() + YEAR_MS),
    revokedAt: undefined,
    revocationReason: '',
  }
}

const LONGEST_REASON = 256

/** The grant, ended. */
export function revoke(grant: Grant, at: Date, reason: string): Grant {
  return { ...grant, revokedAt: at, revocationReason: reason.slice(0, LONGEST_REASON) }
}
