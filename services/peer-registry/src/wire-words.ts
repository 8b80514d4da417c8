import { EndpointScope } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  PeerKind,
  PeerState,
  SpawnMode,
  SpawnRole,
  TrustMode,
  WaitingOn,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Scope } from './description.ts'
import type { Peer } from './peer.ts'

/** Every word of ours and the number it has on the wire: the only place that knows both. */
export const STATES = {
  proposed: PeerState.PROPOSED,
  accepted: PeerState.ACCEPTED,
  enrolled: PeerState.ENROLLED,
  active: PeerState.ACTIVE,
  degraded: PeerState.DEGRADED,
  suspended: PeerState.SUSPENDED,
  revoked: PeerState.REVOKED,
} as const satisfies Record<Peer['state'], PeerState>
export const KINDS = {
  platform: PeerKind.PLATFORM,
  sdwan_only: PeerKind.SDWAN_ONLY,
} as const satisfies Record<Peer['kind'], PeerKind>
export const SPAWN_MODES = {
  managed_child: SpawnMode.MANAGED_CHILD,
  autonomous_peer: SpawnMode.AUTONOMOUS_PEER,
  cluster_member: SpawnMode.CLUSTER_MEMBER,
  out_of_band: SpawnMode.OUT_OF_BAND,
} as const satisfies Record<Peer['spawnMode'], SpawnMode>
export const SPAWN_ROLES = {
  parent: SpawnRole.PARENT,
  child: SpawnRole.CHILD,
  symmetric: SpawnRole.SYMMETRIC,
} as const satisfies Record<Peer['spawnRole'], SpawnRole>
export const TRUST_MODES = {
  symmetric: TrustMode.SYMMETRIC,
  hierarchical: TrustMode.HIERARCHICAL,
} as const satisfies Record<NonNullable<Peer['trustMode']>, TrustMode>
export const WAITING = { us: WaitingOn.US, them: WaitingOn.THEM, nobody: WaitingOn.NOBODY } as const

export const SCOPES = {
  lan: EndpointScope.LAN,
  sdwan: EndpointScope.SDWAN,
  wan: EndpointScope.WAN,
} as const satisfies Record<Scope, EndpointScope>

/** The word of a number from the wire; undefined for UNSPECIFIED and for numbers of a later contract. */
export function wordOf<Word extends string>(table: Readonly<Record<Word, number>>, number: number): Word | undefined {
  return (Object.keys(table) as Word[]).find((word) => table[word] === number)
}

/** Whose CA vouches for us: unless it is said, our own. */
export const trustModeOf = ({ trustMode }: { readonly trustMode: TrustMode }): NonNullable<Peer['trustMode']> =>
  wordOf(TRUST_MODES, trustMode) ?? 'symmetric'
