import type { PolicyPage } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { GrantTx } from '../store/tables.ts'

/** The name of the feed by which gateways learn what peers may do; triggers stamp its rows (0003_feed.sql). */
export const POLICY_FEED = 'policy'

/** Safely below what the mesh takes as one message (1 MB), and small enough to be sent while the next is read. */
export const PAGE_BYTES = 256 * 1024

/**
 * One area's share of the policy: the rows of a few tables, as pages for the gateways.
 *
 * Each row is in exactly one of the pages; what is no longer to be held is told of in the `removed_…` of a page. A page
 * MUST stay below twice `PAGE_BYTES`.
 */
export type PolicyPart = {
  /** Everything there is. Called in a transaction that sees one moment. */
  readonly readAll: (tx: GrantTx) => AsyncIterable<PolicyPage>
  /** What changed after an epoch, also what is no longer to be held. */
  readonly readSince: (tx: GrantTx, epoch: bigint) => AsyncIterable<PolicyPage>
  /** As readAll, but no more than deciding about one peer needs; readAll where it is small anyway. */
  readonly readOf?: (tx: GrantTx, peerId: string) => AsyncIterable<PolicyPage>
}
