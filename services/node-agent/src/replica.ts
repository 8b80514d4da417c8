import type { Task } from '@powernode/process'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'

/** The member of a cluster: the replica of the parent's database that this node keeps. */
export type Replica = {
  /**
   * Keeps what the parent handed over, on this node alone. The registry forgets it afterwards, so it MUST rest on the
   * disk when this returns. Safe to repeat.
   */
  readonly take: (of: { readonly peerId: string; readonly membership: ClusterMembership }) => Promise<void>
  /** Follows the parent's database with what was taken, until told to stop. */
  readonly run: Task
}
