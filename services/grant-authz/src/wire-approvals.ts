import { create } from '@bufbuild/protobuf'
import { AnySchema, timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  ApprovalSchema,
  AutonomySchema,
  PolicySchema,
  type Approval as WireApproval,
  type Autonomy as WireAutonomy,
  type Policy as WirePolicy,
} from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { Approval } from './approval.ts'
import type { ApprovalPolicy, Autonomy } from './approval-policy.ts'

/** An approval as operators and owners see it. */
export function approvalToWire(approval: Approval): WireApproval {
  const { planType: typeUrl, plan: value } = approval
  return create(ApprovalSchema, {
    ...withoutPlan(approval),
    plan: create(AnySchema, { typeUrl, value: Uint8Array.from(value) }),
  })
}

/** As events tell of it: the hash says which plan it was, and no listener has to know what it can be made of. */
export const approvalToTell = (approval: Approval): WireApproval => create(ApprovalSchema, withoutPlan(approval))

function withoutPlan(approval: Approval) {
  const { id, action, state, summary, owner, requestedBy, approversNeeded, autonomous, requestId } = approval
  return {
    id, action, state, summary, owner, requestedBy, approversNeeded, autonomous, requestId,
    effects: [...approval.effects],
    planSha256: Uint8Array.from(approval.planSha256),
    requestedAt: timestampFromDate(approval.requestedAt),
    expiresAt: timestampFromDate(approval.expiresAt),
    votes: approval.votes.map(({ at, ...vote }) => ({ ...vote, at: timestampFromDate(at) })),
    ...(approval.decidedAt && { decidedAt: timestampFromDate(approval.decidedAt) }),
    ...(approval.executedAt && { executedAt: timestampFromDate(approval.executedAt) }),
    failureReason: approval.failureReason,
    failureMessage: approval.failureMessage,
    peerId: approval.peerId ?? '',
  } // prettier-ignore
}

export function policyToWire({ action, verb, approvers, setBy, description, setAt }: ApprovalPolicy): WirePolicy {
  return create(PolicySchema, {
    action,
    verb,
    approvers,
    setBy,
    description,
    ...(setAt && { setAt: timestampFromDate(setAt) }),
  })
}

export function autonomyToWire({ halted, reason, setBy, since }: Autonomy): WireAutonomy {
  return create(AutonomySchema, { halted, reason, by: setBy, ...(since && { since: timestampFromDate(since) }) })
}
