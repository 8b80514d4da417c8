import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerKind, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { SpawnModeWord, SpawnRoleWord } from './default-policy.ts'

/** A peer that is to be looked at. */
export type Review = {
  readonly peerId: string
  readonly attempts: number
  /** How often somebody rang for it: more of them by the end mean that it is to be looked at again. */
  readonly rings: number
  readonly correlationId: string
  readonly traceparent: string
}

/** What the peer and we are to each other. */
export type Relationship = { readonly mode: SpawnModeWord; readonly role: SpawnRoleWord }

/** What follows for a peer's grants from what peer-registry says of it. */
export type Verdict =
  /** It is related to us in this way; suspended, it loses what it is not due any more, and is given nothing. */
  | { readonly word: 'related'; readonly relationship: Relationship; readonly suspended: boolean }
  /** It is over: its grants end. */
  | { readonly word: 'over'; readonly reason: string }
  /** Nothing: a stranger, or one that is not enrolled yet (its enrolment will ring again). */
  | { readonly word: 'nothing' }

const NOTHING: Verdict = { word: 'nothing' }
const ENROLLED: ReadonlySet<PeerState> = new Set([PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED])

const MODES: Readonly<Partial<Record<SpawnMode, SpawnModeWord>>> = {
  [SpawnMode.MANAGED_CHILD]: 'managed_child',
  [SpawnMode.AUTONOMOUS_PEER]: 'autonomous_peer',
  [SpawnMode.CLUSTER_MEMBER]: 'cluster_member',
  [SpawnMode.OUT_OF_BAND]: 'out_of_band',
}
const ROLES: Readonly<Partial<Record<SpawnRole, SpawnRoleWord>>> = {
  [SpawnRole.PARENT]: 'parent',
  [SpawnRole.CHILD]: 'child',
  [SpawnRole.SYMMETRIC]: 'symmetric',
}

/**
 * Judges a peer by what peer-registry says of it, and by nothing else; undefined is a peer it does not know.
 *
 * A peer the registry does not know keeps what it has: no door lets it in, and a registry that was put back from an old
 * backup must not end for good what it merely forgot.
 */
export function verdictOn(peer: Peer | undefined): Verdict {
  if (!peer) return NOTHING
  if (peer.state === PeerState.REVOKED) return { word: 'over', reason: peer.reason }
  const suspended = peer.state === PeerState.SUSPENDED
  if (!suspended && !ENROLLED.has(peer.state)) return NOTHING
  return { word: 'related', relationship: relationshipOf(peer), suspended }
}

/** A network without a platform behind it has nobody to give anything to, and so has a word we do not know. */
function relationshipOf({ kind, spawnMode, spawnRole }: Peer): Relationship {
  const [mode, role] = [MODES[spawnMode], ROLES[spawnRole]]
  if (kind !== PeerKind.PLATFORM || !mode || !role) return { mode: 'out_of_band', role: 'symmetric' }
  return { mode, role }
}
