import type { WaitingOn } from './evidence.ts'

export const SEVERITIES = ['low', 'medium', 'high', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]

/** The kinds of the source documents, to the letter; docs/governance.md says when each is found and what mends it. */
export const FINDING_KINDS = [
  'prefix_overlap_with_install',
  'prefix_overlap_with_other_peer',
  'stale_accepted_without_handshake',
  'expired_trust',
  'peer_heartbeat_stale',
  'peer_capability_drift',
  'peer_residency_missing',
  'peer_schema_version_missing',
  'peer_schema_version_drift',
  'peer_cert_expiring',
  'peer_cert_expired',
  'peer_patience_long',
] as const
export type FindingKind = (typeof FINDING_KINDS)[number]

/** What is found when somebody looks: the same of the same evidence, whoever looks. */
export type Found = {
  readonly kind: FindingKind
  readonly severity: Severity
  /** Empty: it concerns the platform. */
  readonly peerId: string
  /** What tells two of one kind and peer apart. */
  readonly about: string
  readonly message: string
  readonly remedy: string
  readonly waitingOn: WaitingOn
  readonly payload: Readonly<Record<string, string>>
}

/** A finding as it is kept: from when it was first found until it is so no more. */
export type Finding = Found & {
  readonly id: string
  readonly openedAt: Date
  readonly updatedAt: Date
  readonly closedAt: Date | null
  /** When it came back within an hour of being closed, last; null: never. */
  readonly reopenedAt: Date | null
  /** Since when one that came back is not found any more; null: it is found. */
  readonly missingSince: Date | null
  readonly acknowledgedBy: string
  readonly acknowledgedAt: Date | null
  readonly note: string
}

/** Two that say this of each other are one finding: it is updated, not opened twice. */
export const keyOf = ({ kind, peerId, about }: Pick<Found, 'kind' | 'peerId' | 'about'>): string =>
  `${kind} ${peerId} ${about}`

/** What comes back so soon is the same finding, and goes on. */
export const COMES_BACK_MS = 3_600_000

/** Whether a finding would read otherwise than it is kept. */
export function differs(before: Found, after: Found): boolean {
  if (before.severity !== after.severity || before.message !== after.message) return true
  if (before.remedy !== after.remedy || before.waitingOn !== after.waitingOn) return true
  const keys = Object.keys(after.payload)
  return (
    keys.length !== Object.keys(before.payload).length || keys.some((key) => before.payload[key] !== after.payload[key])
  )
}
