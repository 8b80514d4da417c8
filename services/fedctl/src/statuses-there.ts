import { allPages } from './pages.ts'
import type { Session } from './session.ts'

/** What each peer says of the pair of versions, by the peer's id. Without liveness to ask nothing is known of it. */
export async function statusesThere({ clients }: Session, peerIds: readonly string[]): Promise<Map<string, string>> {
  try {
    const freshness = await allPages(
      (pageToken) => clients.liveness.listFreshness({ peerIds: [...peerIds], pageSize: 1000, pageToken }),
      (page) => page.freshness,
    )
    return new Map(freshness.map(({ peerId, versionStatusThere }) => [peerId, versionStatusThere]))
  } catch {
    return new Map()
  }
}
