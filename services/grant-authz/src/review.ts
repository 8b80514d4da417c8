import type { Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { PeerKind, PeerState, SpawnMode, SpawnRole } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'

/** A peer that is to be looked at. */
export type Review = {
  readonly peerId: string
  readonly attempts: number
  /** How often somebody rang for it: more of them by the end mean that it is to be looked at again. */
  readonly rings: string
  readonly correlationId: string
  readonly traceparent: string
}

/** What follows for a peer's grants from what peer-registry says of it. */
export type Verdict =
  /** It is a managed child of ours, and may be called: its parent's operators get their grant. */
  | { readonly word: 'entitled' }
  /** It is over: its grants end. */
  | { readonly word: 'over'; readonly reason: string }
  /** It would be entitled, but is suspended: to be looked at again. */
  | { readonly word: 'later' }
  /** Nothing: a stranger, an equal, a parent, or one that is not enrolled yet (its enrolment will ring again). */
  | { readonly word: 'nothing' }

const NOTHING: Verdict = { word: 'nothing' }
const ENROLLED: ReadonlySet<PeerState> = new Set([PeerState.ENROLLED, PeerState.ACTIVE, PeerState.DEGRADED])

/**
 * Judges a peer by what peer-registry says of it, and by nothing else; undefined is a peer it does not know.
 *
 * A peer the registry does not know keeps what it has: no door lets it in, and a registry that was put back from an old
 * backup must not end for good what it merely forgot.
 */
export function verdictOn(peer: Peer | undefined): Verdict {
  if (!peer) return NOTHING
  if (peer.state === PeerState.REVOKED) return { word: 'over', reason: peer.reason }
  if (!isManagedChildOfOurs(peer)) return NOTHING
  if (peer.state === PeerState.SUSPENDED) return { word: 'later' }
  return ENROLLED.has(peer.state) ? { word: 'entitled' } : NOTHING
}

function isManagedChildOfOurs({ kind, spawnMode, spawnRole }: Peer): boolean {
  return kind === PeerKind.PLATFORM && spawnMode === SpawnMode.MANAGED_CHILD && spawnRole === SpawnRole.PARENT
}
