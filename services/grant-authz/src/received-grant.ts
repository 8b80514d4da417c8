import { Refusal } from '@powernode/rpc'
import { SCOPES, reasonOf, type Scope } from './grant.ts'

/** A grant that a peer gave to us and told us of: our copy of what it said last. */
export type ReceivedGrant = {
  /** The grantor. */
  readonly peerId: string
  /** The grantor's id of it. */
  readonly grantId: string
  readonly remoteSubject: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly scopes: readonly Scope[]
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly revokedAt: Date | null
  readonly revocationReason: string
  readonly remindedAt: Date | null
  readonly revision: number
  readonly sealedBearer: Buffer | null
  readonly receivedAt: Date
  readonly lastChangedAt: Date
}

/** What a peer says became of a grant of its own. */
export type Notice = {
  readonly peerId: string
  readonly grantId: string
  readonly remoteSubject: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly scopes: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly what: string
  readonly sealedBearer: Buffer | null
  readonly revision: number
  readonly reason: string
}

/**
 * Our copy after a notice; undefined when the notice says nothing: an older one that arrives late, or a repeated one.
 *
 * Of what is over we keep no bearer, and it stays over whatever is said later.
 */
export function mirror(before: ReceivedGrant | undefined, notice: Notice, at: Date): ReceivedGrant | undefined {
  if (before && (notice.revision <= before.revision || before.revokedAt)) return undefined
  const over = notice.what === 'revoked'
  return {
    peerId: notice.peerId,
    grantId: notice.grantId,
    remoteSubject: notice.remoteSubject,
    resourceKind: notice.resourceKind,
    resourceId: notice.resourceId,
    scopes: knownScopes(notice.scopes),
    issuedAt: notice.issuedAt,
    expiresAt: notice.expiresAt,
    revokedAt: over ? at : null,
    revocationReason: over ? reasonOf(notice.reason) : '',
    remindedAt: notice.what === 'expiring' ? at : null,
    revision: notice.revision,
    sealedBearer: over ? null : (notice.sealedBearer ?? before?.sealedBearer ?? null),
    receivedAt: before?.receivedAt ?? at,
    lastChangedAt: at,
  }
}

function knownScopes(said: readonly string[]): readonly Scope[] {
  const scopes = SCOPES.filter((scope) => said.includes(scope))
  if (scopes.length !== new Set(said).size)
    throw new Refusal('REQUEST_INVALID', `scopes are ${SCOPES.join(', ')}`, { metadata: { field: 'scopes' } })
  return scopes
}

export type ReceivedStatus = 'active' | 'expired' | 'revoked'

export const receivedStatusAt = ({ revokedAt, expiresAt }: ReceivedGrant, at: Date): ReceivedStatus =>
  revokedAt ? 'revoked' : at < expiresAt ? 'active' : 'expired'
