import type { ServiceImpl } from '@connectrpc/connect'
import type { Executor } from '@powernode/approvals'
import type { Task } from '@powernode/process'
import type { ClusterMembership } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import type { ClusterMember } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { SpawnTx, Tables } from '../store/tables.ts'

/** The child that a replica of our database is for. */
export type MemberOf = { readonly childId: string; readonly peerId: string; readonly instanceId: string }

/** What is left of a replica whose child is gone. */
export type Leftover = { readonly kind: 'slot' | 'role'; readonly name: string }

export type MemberHandlers = Pick<
  ServiceImpl<typeof SpawnService>,
  'promoteMember' | 'failBack' | 'rotateMemberCredential' | 'attendMember'
>

/** All that concerns replicas of our database: what the saga asks of it, and what it answers and does by itself. */
export type ReplicationArea = {
  /** Why this platform can have no cluster_member, or undefined. */
  ready(signal: AbortSignal): Promise<string | undefined>
  /** Reserves the slot; returns a sentence for the step. MUST be safe to repeat, as all of these. */
  prepareSlot(member: MemberOf, signal: AbortSignal): Promise<string>
  /** Makes the role, and keeps its password sealed; returns a sentence for the step. */
  prepareRole(member: MemberOf, signal: AbortSignal): Promise<string>
  dropRole(member: MemberOf, signal: AbortSignal): Promise<void>
  dropSlot(member: MemberOf, signal: AbortSignal): Promise<void>
  /** What the child is handed with its enrollment; all but `replica_enrollment`, which is minted by PrepareEnrollment. */
  membership(member: MemberOf, signal: AbortSignal): Promise<ClusterMembership>
  /** How a child's replica is shown; nothing for a child that has none. */
  shown(tx: SpawnTx, childIds: readonly string[]): Promise<ReadonlyMap<string, ClusterMember>>
  /** Slots and roles of ours that no child in `living` (ids of peers) needs. */
  leftovers(livingPeerIds: readonly string[], signal: AbortSignal): Promise<readonly Leftover[]>
  readonly handlers: MemberHandlers
  /** By action, for approvals. */
  readonly executors: Readonly<Record<string, Executor<Tables>>>
  readonly tasks: readonly Task[]
}
