import type { CertificateEnd, PeerRow } from '../findings/evidence.ts'

/** What a review asks for, and which service answers. */
export const REVIEW_SOURCES = {
  peers: 'peer-registry',
  certificates: 'peer-registry',
  grants: 'grant-authz',
  capabilities: 'grant-authz',
  archived: 'grant-authz',
  use: 'audit-ledger',
} as const satisfies Readonly<Record<string, string>>
export type ReviewSource = keyof typeof REVIEW_SOURCES

/** A grant that is in force. */
export type GrantRow = {
  readonly id: string
  readonly peerId: string
  readonly remoteSubject: string
  readonly resourceKind: string
  /** Empty: every resource of the kind. */
  readonly resourceId: string
  readonly scopes: readonly string[]
  readonly issuedAt: Date
  readonly expiresAt: Date
}

/** How a grant was used in the time that was looked at. */
export type Use = { readonly scopes: ReadonlySet<string> }

export type ReviewEvidence = {
  readonly peers: readonly PeerRow[]
  /** By peer: what vouches for it, and for us there. */
  readonly certificates: ReadonlyMap<string, readonly CertificateEnd[]>
  readonly grants: readonly GrantRow[]
  /** By peer that declares extensions: how many capabilities say how their resources travel. */
  readonly capabilities: ReadonlyMap<string, number>
  /** By grant, over the last `UNUSED_AFTER_MS`. A grant that is missing here was not looked at to the end. */
  readonly use: ReadonlyMap<string, Use>
  /** Grants that were archived since the review before. */
  readonly archivedGrants: number
  readonly unread: ReadonlySet<ReviewSource>
}

const DAY_MS = 86_400_000

/** As long as decisions are shown: what was not used in that time is called unused. */
export const UNUSED_AFTER_MS = 30 * DAY_MS

/** Grants old enough to have been used, if anybody needed them. */
export const couldBeUnused = ({ issuedAt }: GrantRow, now: Date): boolean =>
  now.getTime() - issuedAt.getTime() >= UNUSED_AFTER_MS
