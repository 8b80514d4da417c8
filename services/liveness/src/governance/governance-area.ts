import { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import { GOVERNANCE_CALLERS, governanceHandlers } from '../rpc/governance.ts'
import { leadReviews } from '../review/review-loop.ts'
import type { GovernanceDeps } from './governance-deps.ts'
import { leadGovernance } from './governance-loop.ts'

export type GovernanceArea = {
  readonly mount: Mount
  readonly tasks: readonly ((signal: AbortSignal) => Promise<void>)[]
}

/** All that concerns governance in this process: findings, commitments and reviews. */
export function openGovernanceArea(deps: GovernanceDeps): GovernanceArea {
  return {
    mount: mount(GovernanceService, governanceHandlers(deps), GOVERNANCE_CALLERS),
    tasks: [(signal) => leadGovernance(deps, signal), (signal) => leadReviews(deps, signal)],
  }
}
