import type { Client } from '@connectrpc/connect'
import type { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'

/** The part of ApprovalService that owners of actions use: over the network, or, inside grant-authz, in the process. */
export type ApprovalClient = Pick<
  Client<typeof ApprovalService>,
  'requestApproval' | 'listApproved' | 'reportExecution'
>
