import type { CallOptions, Client } from '@connectrpc/connect'
import type { GrantAuthzService } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { refusalOf } from '@powernode/rpc'

/** What grant-authz is asked: to look at a peer now, because what it is to us has changed. */
export type GrantReviews = Pick<Client<typeof GrantAuthzService>, 'reviewPeer'>

const REVIEW_MS = 5_000

/**
 * Has grant-authz look at the peer before we answer, so that what ended has ended. When it is away the relationship holds
 * all the same, and the grants follow with its next look. Returns what is left to be done.
 */
export async function review(grants: GrantReviews, peerId: string, options: CallOptions): Promise<string[]> {
  const timeoutMs = Math.min(REVIEW_MS, options.timeoutMs ?? REVIEW_MS)
  try {
    await grants.reviewPeer({ peerId }, { ...options, timeoutMs })
    return []
  } catch (error) {
    const why = refusalOf(error)?.reason ?? 'it does not answer'
    return [
      `the grants of the peer follow as soon as grant-authz is back (${why}); look with: fedctl grant list --peer ${peerId}`,
    ]
  }
}
