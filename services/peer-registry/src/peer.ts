import { Refusal } from '@powernode/rpc'
import type { ContractWindow } from './contract.ts'
import type { Description, Disclosure } from './description.ts'
import type { VersionStatus } from './version.ts'

export const PEER_STATES = ['proposed', 'accepted', 'enrolled', 'active', 'degraded', 'suspended', 'revoked'] as const
export type PeerState = (typeof PEER_STATES)[number]
export type Move = 'accept' | 'enroll' | 'heartbeat' | 'fallSilent' | 'suspend' | 'resume' | 'revoke' | 'diverge'

export type PeerKind = 'platform' | 'sdwan_only'
export type SpawnMode = 'managed_child' | 'autonomous_peer' | 'cluster_member' | 'out_of_band'
/** What we are to the peer. */
export type SpawnRole = 'parent' | 'child' | 'symmetric'
export type TrustMode = 'symmetric' | 'hierarchical'
/** What one side of a managed peering is. */
export type AdoptionRole = 'parent' | 'child'

/** How often each side speaks, and after how much silence it counts as gone; equal on both sides. */
export type Timers = {
  readonly heartbeatIntervalMs: number
  readonly staleAfterMs: number
  /** The longest silence that was, or would be, agreed to. */
  readonly staleAfterMostMs: number
}

const A_DAY_MS = 86_400_000

/** Who says nothing of it agrees to no more than twelve times its own patience. */
export const mostPatience = (staleAfterMs: number): number => Math.min(12 * staleAfterMs, A_DAY_MS)

/** One peering as we see it. Never replicated: the other side keeps its own. */
export type Peer = Description & {
  readonly id: string
  readonly name: string
  readonly state: PeerState
  readonly suspendedFrom: PeerState | null
  readonly reason: string
  readonly since: Date
  readonly kind: PeerKind
  readonly spawnMode: SpawnMode
  readonly spawnRole: SpawnRole
  readonly trustMode: TrustMode | null
  /** True when we redeem their invitation, false when they redeem ours. */
  readonly weRedeem: boolean
  readonly url: string
  readonly platformId: string | null
  readonly identityKey: Buffer | null
  readonly trustDomain: string | null
  /** SHA-256 of the root their server must chain to before we hold their bundle. */
  readonly caPin: Buffer | null
  /** The envelope of the newest bundle of theirs that we verified. */
  readonly trustBundle: Buffer | null
  readonly trustBundleSequence: number
  /** The newest sequence of ours that they receipted, and the signed receipt. */
  readonly acknowledgedBundleSequence: number
  readonly trustReceipt: Buffer | null
  /** Hierarchical, they signed for us: leaf first, DER; the key is sealed. */
  readonly certificateChain: readonly string[]
  readonly certificateKeySealed: Buffer | null
  readonly certificateExpiresAt: Date | null
  readonly remotePeerId: string | null
  readonly previousPeerId: string | null
  readonly parentPeerId: string | null
  readonly accountId: string | null
  readonly remoteAccountId: string | null
  readonly environmentId: string | null
  readonly remoteInstanceId: string | null
  readonly contractVersion: number | null
  readonly contractWindow: ContractWindow | null
  readonly features: readonly string[]
  readonly timers: Timers
  readonly metadata: Readonly<Record<string, unknown>>
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly acceptedAt: Date | null
  readonly enrolledAt: Date | null
  readonly revokedAt: Date | null
  readonly notifiedAt: Date | null
  /** What we have offered to be, what they have, and how far the notices of either side have come. */
  readonly adoptionOffered: AdoptionRole | null
  readonly adoptionOfferedByPeer: AdoptionRole | null
  readonly relationshipSequence: number
  readonly peerRelationshipSequence: number
  /** How we stand with its platform version by the rules in force; empty before it has said one. */
  readonly versionStatus: VersionStatus | ''
  readonly refusedKinds: readonly string[]
  readonly revision: number
}

/** Every move a peer may make (design.md section 2). A move not listed is refused. */
export const MOVES: Readonly<Record<PeerState, Partial<Record<Move, PeerState>>>> = {
  proposed: { accept: 'accepted', revoke: 'revoked' },
  accepted: { enroll: 'enrolled', suspend: 'suspended', revoke: 'revoked' },
  enrolled: { heartbeat: 'active', suspend: 'suspended', revoke: 'revoked' },
  active: { heartbeat: 'active', fallSilent: 'degraded', suspend: 'suspended', revoke: 'revoked', diverge: 'degraded' },
  degraded: { heartbeat: 'active', suspend: 'suspended', revoke: 'revoked' },
  // Where a resumed peer goes is in RESUMED, because it depends on where it was suspended from.
  suspended: { resume: 'degraded', revoke: 'revoked' },
  revoked: {},
}

/** A resumed peer returns to where it was; one that was active must prove itself first. */
export const RESUMED: Readonly<Partial<Record<PeerState, PeerState>>> = {
  accepted: 'accepted',
  enrolled: 'enrolled',
  active: 'degraded',
  degraded: 'degraded',
}

/** States in which a peer is somebody: its platform id and trust domain are taken. */
export const LIVE: readonly PeerState[] = ['accepted', 'enrolled', 'active', 'degraded', 'suspended']

export function nextState(from: PeerState, move: Move): PeerState {
  const to = MOVES[from][move]
  if (!to)
    throw new Refusal('MOVE_NOT_ALLOWED', `a peer that is ${from} cannot ${WORDS[move]}`, {
      metadata: { state: from, move, allowed: Object.keys(MOVES[from]).join(',') },
    })
  return to
}

const WORDS: Readonly<Record<Move, string>> = {
  accept: 'be accepted',
  enroll: 'be enrolled',
  heartbeat: 'become active',
  fallSilent: 'become degraded',
  suspend: 'be suspended',
  resume: 'be resumed',
  revoke: 'be revoked',
  diverge: 'become degraded by its version',
}

/** The peer after a move, with the reason an operator will read; `since` only moves when the state does. */
export function move(peer: Peer, by: Move, reason: string, at: Date): Peer {
  const state = by === 'resume' ? resumedState(peer) : nextState(peer.state, by)
  return {
    ...peer,
    state,
    reason,
    since: state === peer.state ? peer.since : at,
    updatedAt: at,
    suspendedFrom: by === 'suspend' ? peer.state : null,
    acceptedAt: by === 'accept' ? at : peer.acceptedAt,
    enrolledAt: by === 'enroll' ? at : peer.enrolledAt,
    revokedAt: by === 'revoke' ? at : peer.revokedAt,
  }
}

/**
 * Whether news of liveness is older than what was heeded before. That a peer is heard and that it is not come on two roads, and
 * after hours without NATS in any order. What was told by a clock that was ahead of ours does not count: it would stop all news
 * until ours is there too.
 */
export const isOutdated = (toldAt: Date, heeded: Date | undefined, now: Date): boolean =>
  heeded !== undefined && toldAt < heeded && heeded <= now

/** The peer without the certificate it signed for us, and without the key of it. */
export const withoutCertificate = (peer: Peer): Peer => ({ ...peer, certificateKeySealed: null, certificateChain: [] })

function resumedState(peer: Peer): PeerState {
  nextState(peer.state, 'resume')
  const state = peer.suspendedFrom && RESUMED[peer.suspendedFrom]
  if (!state)
    throw new Error(`peer ${peer.id} is suspended from ${String(peer.suspendedFrom)}, which cannot be resumed`)
  return state
}

/** Which parts of the identity disclosure are missing (social contract, commitment 1). */
export function missingDisclosure(disclosure: Disclosure): readonly string[] {
  const parts = [
    ['contact', disclosure.contact],
    ['jurisdiction', disclosure.jurisdiction],
    ['platform_version', disclosure.platformVersion],
    ['release_tag', disclosure.releaseTag],
  ] as const
  return parts.filter(([, said]) => said.trim() === '').map(([part]) => part)
}

/**
 * Both sides propose timers; the slower beat and the longer patience are agreed, up to what the less patient of both allows:
 * a peer that is gone MUST NOT stand as active for as long as it likes. Patience outlasts three beats.
 */
export function agreeTimers(ours: Timers, theirs: Timers | undefined): Timers {
  const staleAfterMostMs = Math.min(ours.staleAfterMostMs, theirs?.staleAfterMostMs ?? Infinity)
  const slowestMs = Math.max(ours.heartbeatIntervalMs, theirs?.heartbeatIntervalMs ?? 0)
  const wantedMs = Math.max(ours.staleAfterMs, theirs?.staleAfterMs ?? 0, 3 * slowestMs)
  const staleAfterMs = Math.min(wantedMs, staleAfterMostMs)
  return { heartbeatIntervalMs: Math.min(slowestMs, Math.floor(staleAfterMs / 3)), staleAfterMs, staleAfterMostMs }
}
