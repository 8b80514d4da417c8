import type { Id } from './world.ts'

export type FederationState =
  'unknown' | 'proposed' | 'accepted' | 'enrolled' | 'active' | 'degraded' | 'suspended' | 'revoked'

/** A federation peer as far as the network has to know it. */
export type FederationPeer = {
  readonly id: Id
  readonly name: string
  readonly platformId: string
  readonly state: FederationState
  readonly revision: number
  readonly prefixAdvertisement: string
  readonly degradedSince: Date | null
}

/** What peer-registry says of it. */
export type FederationFacts = Omit<FederationPeer, 'degradedSince'>

/** How long a road stays for a peer that has fallen silent: the tunnel may well work when heartbeats do not. */
export const DEGRADED_GRACE_MS = 15 * 60_000

/** Whether there may be a road to it at this moment. */
export function isReachable({ state, degradedSince }: FederationPeer, now: Date): boolean {
  if (state === 'active') return true
  return state === 'degraded' && degradedSince !== null && now.getTime() - degradedSince.getTime() < DEGRADED_GRACE_MS
}

/** The peer as peer-registry shows it now. Silence is counted from when it was first seen. */
export function withFacts(peer: FederationPeer, facts: FederationFacts, now: Date): FederationPeer {
  const since = facts.state === 'degraded' ? (peer.degradedSince ?? now) : null
  return { ...facts, degradedSince: since }
}

/**
 * The peer after news that it was suspended or revoked. Such news is believed at once, since it can only take away; it MUST
 * be newer than what is known, or a stream that is heard again would end peerings that were resumed since.
 */
export function afterNews(
  peer: FederationPeer,
  { state, revision }: { readonly state: FederationState; readonly revision: number },
): FederationPeer {
  if ((state !== 'suspended' && state !== 'revoked') || revision <= peer.revision) return peer
  return { ...peer, state, revision, degradedSince: null }
}

/** Why there is no road to it, for people. */
export const WHY_AWAY: Readonly<Record<FederationState, string>> = {
  unknown: 'peer-registry knows no such peer',
  proposed: 'the peering is not accepted yet',
  accepted: 'the peering is not enrolled yet',
  enrolled: 'the peering is not active yet',
  active: 'the peering is active',
  degraded: 'the peer has not been heard for too long',
  suspended: 'the peering is suspended',
  revoked: 'the peering was revoked',
}
