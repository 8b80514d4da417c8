import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import {
  ApprovalMovedSchema,
  AutonomyChangedSchema,
  PolicyChangedSchema,
} from '@powernode/proto/powernode/approval/v1/events_pb.ts'
import type { Approval } from '../approval.ts'
import type { ApprovalPolicy, Autonomy } from '../approval-policy.ts'
import { approvalToTell, autonomyToWire, policyToWire } from '../wire-approvals.ts'

export type ApprovalWord = 'requested' | 'approved' | 'rejected' | 'timed-out' | 'executed' | 'failed' | 'proceeded'

const SEVERITY: Readonly<Partial<Record<ApprovalWord, 'medium' | 'high'>>> = {
  approved: 'medium',
  rejected: 'medium',
  'timed-out': 'medium',
  executed: 'medium',
  proceeded: 'medium',
  failed: 'high',
}

/**
 * fed.approval.<word>.<approval id>: where an act that has to be approved stands.
 *
 * All news of one act, what it does included, bear the id of the request that asked for it.
 */
export function approvalMoved(
  word: ApprovalWord,
  approval: Approval,
  { at, actor, before }: { at: Date; actor: string; before?: Approval },
): Announcement {
  return {
    noun: 'approval',
    word,
    id: approval.id,
    severity: SEVERITY[word],
    peerId: approval.peerId ?? '',
    actor,
    at,
    correlationId: approval.requestId,
    payload: create(ApprovalMovedSchema, {
      approval: approvalToTell(approval),
      previousState: before?.state ?? '',
    }),
  }
}

/** Who did it, and as part of which call. */
type By = { readonly actor: string; readonly requestId: string; readonly traceparent: string }

/** fed.approval.policy-set.<action>, with its dots as dashes. */
export function policySet(
  policy: ApprovalPolicy,
  { at, by, before }: { at: Date; by: By; before: ApprovalPolicy },
): Announcement {
  return {
    noun: 'approval',
    word: 'policy-set',
    id: policy.action.replaceAll('.', '-'),
    severity: 'high',
    at,
    ...causeOf(by),
    payload: create(PolicyChangedSchema, { policy: policyToWire(policy), previous: policyToWire(before) }),
  }
}

/** fed.approval.<halted|resumed>.autonomy: whether what acts by itself may act. */
export function autonomyChanged(autonomy: Autonomy, { at, by }: { at: Date; by: By }): Announcement {
  return {
    noun: 'approval',
    word: autonomy.halted ? 'halted' : 'resumed',
    id: 'autonomy',
    severity: 'high',
    at,
    ...causeOf(by),
    payload: create(AutonomyChangedSchema, { autonomy: autonomyToWire(autonomy) }),
  }
}

const causeOf = ({ actor, requestId, traceparent }: By) => ({ actor, correlationId: requestId, traceparent })
