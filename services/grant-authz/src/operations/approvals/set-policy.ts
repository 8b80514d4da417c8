import { append } from '@powernode/events'
import { Refusal } from '@powernode/rpc'
import type { ApprovalPolicy, Autonomy, PolicyVerb } from '../../approval-policy.ts'
import { autonomyChanged, policySet } from '../../events/approvals.ts'
import * as policies from '../../store/approval-policies.ts'
import type { GrantTx } from '../../store/tables.ts'

type By = { readonly actor: string; readonly requestId: string; readonly traceparent: string }

/** What an action demands from now on. What waits already needs as many as it did. Every service is told by the commit. */
export async function setPolicy(
  tx: GrantTx,
  now: Date,
  { by, action, verb, approvers }: { by: By; action: string; verb: PolicyVerb; approvers: number },
): Promise<ApprovalPolicy> {
  const before = await policies.lock(tx, action)
  if (!before) throw new Refusal('ACTION_UNKNOWN', `there is no action ${action}`, { next: 'fedctl policy list' })
  const ours = { setBy: by.actor, setAt: now, ownVerb: null, ownApprovers: null }
  const after = { ...before, verb, approvers: approvers || before.approvers, ...ours }
  const isOurs = before.ownVerb === null
  if (isOurs && after.verb === before.verb && after.approvers === before.approvers) return before
  await policies.save(tx, after)
  await append(tx, policySet(after, { at: now, by, before }))
  return after
}

/** Stops what acts by itself, or lets it act again. Every service is told by the commit. */
export async function setAutonomy(
  tx: GrantTx,
  now: Date,
  { by, halted, reason }: { by: By; halted: boolean; reason: string },
): Promise<Autonomy> {
  const before = await policies.lockAutonomy(tx)
  if (before.halted === halted) return before
  const after: Autonomy = { halted, reason, setBy: by.actor, since: now }
  await policies.saveAutonomy(tx, after)
  await append(tx, autonomyChanged(after, { at: now, by }))
  return after
}
