import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { PeerRoute } from '@powernode/proto/powernode/peer/v1/feed_pb.ts'

/**
 * Of several peerings with one name, the one in force: a platform that was revoked and peered anew has two rows.
 *
 * A live row wins over a revoked one, and of two alike the younger: peer ids are UUIDv7, so they sort by age.
 * Without a live row the revoked one is returned, so that the caller is told so instead of being unknown.
 */
export function preferred(routes: readonly PeerRoute[]): PeerRoute | undefined {
  return routes.reduce<PeerRoute | undefined>((best, route) => (best && !beats(route, best) ? best : route), undefined)
}

function beats(one: PeerRoute, other: PeerRoute): boolean {
  const oneLives = one.state !== PeerState.REVOKED
  const otherLives = other.state !== PeerState.REVOKED
  return oneLives === otherLives ? one.peerId > other.peerId : oneLives
}
