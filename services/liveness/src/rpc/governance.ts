import type { ServiceImpl } from '@connectrpc/connect'
import type { GovernanceService } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { CallersTable } from '@powernode/rpc'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import { FINDING_CALLERS, findingHandlers } from './findings.ts'
import { REVIEW_CALLERS, reviewHandlers } from './reviews.ts'

/** Who may ask how our peerings stand, and who may have it looked at anew. */
export const GOVERNANCE_CALLERS = {
  ...FINDING_CALLERS,
  ...REVIEW_CALLERS,
} as const satisfies CallersTable<typeof GovernanceService>

/** Findings and commitments, and reviews. */
export const governanceHandlers = (deps: GovernanceDeps): ServiceImpl<typeof GovernanceService> => ({
  ...findingHandlers(deps),
  ...reviewHandlers(deps),
})
