import type { PeerState } from '../announcement.ts'
import type { Freshness } from '../freshness.ts'

/**
 * What is asked when governance looks, and which service answers. What could not be asked is `unread`, and nothing is said
 * of what would have followed from it.
 */
export const SOURCES = {
  peers: 'peer-registry',
  versions: 'peer-registry',
  notices: 'peer-registry',
  /** Those we signed for peers. */
  certificates: 'peer-registry',
  /** Those that peers hold or signed for us: told by the feed that liveness follows anyhow. */
  certificateEnds: 'peer-registry',
  residencies: 'grant-authz',
  alarms: 'audit-ledger',
} as const satisfies Readonly<Record<string, string>>
export type Source = keyof typeof SOURCES

export type Disclosure = {
  readonly contact: string
  readonly jurisdiction: string
  readonly platformVersion: string
  readonly releaseTag: string
}

export type WaitingOn = 'us' | 'them' | 'nobody'

/** A peering as peer-registry has it, as far as governance looks at it. */
export type PeerRow = {
  readonly peerId: string
  readonly name: string
  readonly kind: 'platform' | 'sdwan_only'
  readonly state: PeerState
  readonly url: string
  readonly accountId: string
  readonly waitingOn: WaitingOn
  readonly next: string
  /** That we sign its certificates (hierarchical trust). */
  readonly signedByUs: boolean
  readonly createdAt: Date
  /** What the source documents call signed_at. */
  readonly acceptedAt: Date | undefined
  readonly enrolledAt: Date | undefined
  readonly revokedAt: Date | undefined
  readonly prefix: string
  readonly extensionSlugs: readonly string[]
  /** Names of what it says it can do. */
  readonly capabilities: readonly string[]
  readonly declaredResidency: string
  readonly disclosure: Disclosure
  /** 0 until agreed. */
  readonly contractVersion: number
  readonly contractWindow: { readonly min: number; readonly max: number } | undefined
  /** After so much silence it counts as gone, as was agreed; 0: not known. */
  readonly staleAfterMs: number
}

/** How a peer's platform version stands to ours. */
export type Compatibility = {
  readonly status: string
  readonly localVersion: string
  readonly remoteVersion: string
  readonly source: string
  readonly notes: string
}

/** Where a peer's data has to stay, as our operators have said, and whether it says that it is elsewhere now. */
export type Residency = { readonly tag: string; readonly declared: string; readonly isOutside: boolean }

export type CertificateEnd = {
  /** `root <sha-256>`, `leaf <serial>`, or `signed <serial>` for one that we signed. */
  readonly certificate: string
  readonly notBefore: Date | undefined
  readonly notAfter: Date
}

/** An alarm of the ledger that nobody has settled. */
export type Alarm = { readonly kind: string; readonly whose: string; readonly at: Date; readonly detail: string }

/** All that is known of one peering. What was not read is missing, and its source is among `unread`. */
export type PeerEvidence = PeerRow & {
  readonly freshness: Freshness | undefined
  readonly compatibility: Compatibility | undefined
  readonly residency: Residency | undefined
  readonly certificates: readonly CertificateEnd[]
  readonly alarms: readonly Alarm[]
}

/** A notice of a compromise or a revocation: what commitments 4 and 9 ask for. */
export type Notice = {
  readonly id: string
  readonly kind: 'compromise' | 'revocation'
  readonly direction: 'sent' | 'received'
  readonly peerId: string
  readonly discoveredAt: Date | undefined
  readonly receivedAt: Date | undefined
  readonly dueAt: Date | undefined
  /** When the last of those who have heard it did. */
  readonly lastDeliveredAt: Date | undefined
  readonly owed: number
  readonly givenUp: number
}

/** What we say of ourselves. */
export type Us = {
  readonly prefix: string
  readonly disclosure: Disclosure
  readonly contractWindow: { readonly min: number; readonly max: number }
  readonly contractSha256: string
  /** What we propose to peers; 0: not known. */
  readonly staleAfterMs: number
}

/** Everything governance looks at, as it stood when it was read. */
export type Evidence = {
  readonly us: Us
  readonly peers: readonly PeerEvidence[]
  readonly notices: readonly Notice[]
  /** Alarms about our own log. */
  readonly ownAlarms: readonly Alarm[]
  readonly listeningSince: Date
  readonly unread: ReadonlySet<Source>
}

/** States in which a peer may call us. */
export const REACHABLE: ReadonlySet<PeerState> = new Set<PeerState>(['enrolled', 'active', 'degraded'])
/** States in which beats went both ways once: a finding that holds for an active peer does not close because it fell silent. */
export const WORKING: ReadonlySet<PeerState> = new Set<PeerState>(['active', 'degraded'])
/** States in which the peering is no longer only planned, and not over. */
export const AGREED: ReadonlySet<PeerState> = new Set<PeerState>([
  'accepted',
  'enrolled',
  'active',
  'degraded',
  'suspended',
])

export const isPlatform = ({ kind }: PeerRow): boolean => kind === 'platform'
export const isOver = ({ state }: PeerRow): boolean => state === 'revoked'
