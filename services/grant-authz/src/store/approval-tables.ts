import type { Generated } from 'kysely'
import type { ApprovalState } from '../approval.ts'
import type { PolicyVerb } from '../approval-policy.ts'

export type ApprovalPolicyRow = {
  action: string
  verb: PolicyVerb
  approvers: number
  description: string
  set_by: string
  set_at: Date | null
  own_verb: PolicyVerb | null
  own_approvers: number | null
}

export type ApprovalRow = {
  id: string
  action: string
  state: ApprovalState
  summary: string
  effects: readonly string[]
  plan_type: string
  plan: Buffer
  plan_sha256: Buffer
  owner: string
  requested_by: string
  requested_at: Date
  expires_at: Date
  approvers_needed: number
  autonomous: boolean
  peer_id: string | null
  request_id: string
  decided_at: Date | null
  executed_at: Date | null
  failure_reason: Generated<string>
  failure_message: Generated<string>
}

export type ApprovalVoteRow = { approval_id: string; voter: string; approves: boolean; reason: string; at: Date }

export type AutonomyRow = {
  only_one: Generated<boolean>
  halted: boolean
  reason: string
  set_by: string
  since: Date | null
}

export type ApprovalTables = {
  approval_policy: ApprovalPolicyRow
  approval: ApprovalRow
  approval_vote: ApprovalVoteRow
  autonomy: AutonomyRow
}
