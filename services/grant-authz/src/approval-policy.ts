import { blocked, halted } from '@powernode/approvals'
import { Refusal } from '@powernode/rpc'

export const VERBS = ['auto_approve', 'notify_and_proceed', 'require_approval', 'blocked'] as const
export type PolicyVerb = (typeof VERBS)[number]

/** What grant-authz carries out itself: no other service asks for it, nor says what came of it. */
export const OWN_ACTIONS: ReadonlySet<string> = new Set([
  'sdwan.federation_peer_data_residency',
  'federation.residency_override',
])

/** What has to be approved before an action is done. */
export type ApprovalPolicy = {
  readonly action: string
  readonly verb: PolicyVerb
  /** How many different people it takes. */
  readonly approvers: number
  readonly description: string
  /** An operator; or the parent whose policy it is (`inheritedFrom`); or nobody. */
  readonly setBy: string
  readonly setAt: Date | null
  /** While it is a parent's: what it was before. */
  readonly ownVerb: PolicyVerb | null
  readonly ownApprovers: number | null
}

/** How a policy says that it is the one of our parent. */
export const inheritedFrom = (peerId: string): string => `peer/${peerId}`

/** What a policy was before a parent's took its place; the policy itself, if none has. */
export function ownPolicy(policy: ApprovalPolicy): ApprovalPolicy {
  if (policy.ownVerb === null || policy.ownApprovers === null) return policy
  const { ownVerb: verb, ownApprovers: approvers } = policy
  return { ...policy, verb, approvers, setBy: '', setAt: null, ownVerb: null, ownApprovers: null }
}

/** Whether what acts by itself may act. */
export type Autonomy = {
  readonly halted: boolean
  readonly reason: string
  readonly setBy: string
  readonly since: Date | null
}

/** Who asks for an act to be done. */
export type Requester = {
  /** A program that acts on its own. */
  readonly agent: boolean
  /** A person who may control, and so is one approver of what they do themselves. */
  readonly isApprover: boolean
}

/** What a policy makes of a request: do it, do it and tell, or wait for people. Throws when it may not be done at all. */
export function judge(policy: ApprovalPolicy, autonomy: Autonomy, requester: Requester): 'proceed' | 'tell' | 'wait' {
  if (policy.verb === 'blocked') throw blocked(policy.action)
  if (requester.agent && autonomy.halted) throw halted(autonomy.reason)
  if (policy.verb === 'auto_approve') return 'proceed'
  if (policy.verb === 'notify_and_proceed') return requester.isApprover ? 'proceed' : 'tell'
  return requester.isApprover && policy.approvers === 1 ? 'proceed' : 'wait'
}

/** What an invitation or a grant's bearer looks like. */
const SECRET = /pni1\.[A-Za-z0-9_-]{16}|fg-[0-9a-f]{8}-[0-9a-f-]{27}\.[A-Za-z0-9_-]{16}/

/** No secret rests in an approval: whoever packs one into a plan, or writes one into a summary, is stopped here. */
export function checkNoSecret(summary: string, effects: readonly string[], plan: Uint8Array): void {
  if ([summary, ...effects, Buffer.from(plan).toString('latin1')].some((text) => SECRET.test(text)))
    throw new Refusal('REQUEST_INVALID', 'a plan, its summary and its effects must not hold a secret')
}
