import { create } from '@bufbuild/protobuf'
import { AnySchema } from '@bufbuild/protobuf/wkt'
import type { ApprovalClient } from '@powernode/approvals'
import {
  ListApprovedRequestSchema,
  ListApprovedResponseSchema,
  ReportExecutionRequestSchema,
  ReportExecutionResponseSchema,
  RequestApprovalRequestSchema,
  RequestApprovalResponseSchema,
} from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { reportExecution } from '../operations/approvals/report-execution.ts'
import { requestApproval } from '../operations/approvals/request-approval.ts'
import * as approvals from '../store/approvals.ts'
import { isUuid } from '../uuid.ts'
import { approvalToWire } from '../wire-approvals.ts'
import { act, look, type DoorDeps } from './door.ts'

const USUAL = 100

/**
 * What the owner of an action asks and says, for one owner (`service/<name>`): the RPCs answer with it, and grant-authz,
 * which owns actions too, calls it in the process.
 */
export const ownedBy = (deps: DoorDeps, owner: string): ApprovalClient => ({
  requestApproval: (said) =>
    act(deps, async (tx, now) => {
      const req = create(RequestApprovalRequestSchema, said)
      if (req.peerId !== '' && !isUuid(req.peerId))
        throw new Refusal('REQUEST_INVALID', `${req.peerId} is no id of a peer`)
      const { action, summary, effects, requestedBy, requestId, countsAsApproval, plan = create(AnySchema) } = req
      const asked = { action, summary, effects, requestedBy, requestId, countsAsApproval, plan, owner }
      const answer = await requestApproval(tx, now, { ...asked, peerId: req.peerId || null })
      return create(
        RequestApprovalResponseSchema,
        answer.proceed ? { proceed: true } : { approval: approvalToWire(answer.approval) },
      )
    }),

  listApproved: (said) =>
    look(deps, async (tx) => {
      const { limit, afterId } = create(ListApprovedRequestSchema, said)
      const listed = await approvals.listExecutable(tx, { owner, afterId, limit: limit || USUAL })
      return create(ListApprovedResponseSchema, { approvals: listed.map(approvalToWire) })
    }),

  reportExecution: (said) =>
    act(deps, async (tx, now) => {
      const { approvalId, succeeded, failureReason, failureMessage } = create(ReportExecutionRequestSchema, said)
      const failure = succeeded ? undefined : { reason: failureReason || 'FAULT', message: failureMessage }
      const approval = await reportExecution(tx, now, { approvalId, owner, failure })
      return create(ReportExecutionResponseSchema, { approval: approvalToWire(approval) })
    }),
})
