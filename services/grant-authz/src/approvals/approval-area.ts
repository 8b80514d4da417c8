import { createGate, runApproved, type Executor, type Gate } from '@powernode/approvals'
import type { Logger, Metrics } from '@powernode/process'
import { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import { ownedBy } from '../rpc/approval-owners.ts'
import { APPROVAL_CALLERS, approvalHandlers, type ApprovalDeps } from '../rpc/approvals.ts'
import type { Tables } from '../store/tables.ts'
import { sweepApprovals } from '../sweeps/time-out.ts'

/** Us, as the owner of actions of our own. */
export const OWNER = 'service/grant-authz'

export type ApprovalArea = {
  readonly mount: Mount
  /** In front of our own acts: decided by our own tables, in the process. */
  readonly gate: Gate
  /** With the acts that are ours to carry out once they are approved, by action. */
  readonly tasks: (
    executors: Readonly<Record<string, Executor<Tables>>>,
  ) => readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns approvals in this process. */
export function openApprovalArea(
  deps: ApprovalDeps & { readonly logger: Logger; readonly metrics: Metrics },
): ApprovalArea {
  const own = ownedBy(deps, OWNER)
  return {
    mount: mount(ApprovalService, approvalHandlers(deps), APPROVAL_CALLERS),
    gate: createGate({ approvals: own }),
    tasks: (executors) => [
      (signal) => sweepApprovals(deps, signal),
      (signal) => runApproved({ ...deps, owner: OWNER, client: own, executors }, signal),
    ],
  }
}
