import { appendAll } from '@powernode/events'
import { Refusal } from '@powernode/rpc'
import { inheritedFrom, ownPolicy, type ApprovalPolicy, type PolicyVerb } from '../../approval-policy.ts'
import type { Cause } from '../../events.ts'
import { policySet } from '../../events/approvals.ts'
import * as policies from '../../store/approval-policies.ts'
import * as peers from '../../store/peers.ts'
import type { GrantTx } from '../../store/tables.ts'

/** What we are to a peer whose policies hold here as well, as it was noted when the peer was last looked at. */
export const MANAGED_CHILD = 'managed_child/child'

type By = { readonly actor: string; readonly requestId: string; readonly traceparent: string }
export type Rule = { readonly action: string; readonly verb: PolicyVerb; readonly approvers: number }

/**
 * The policies of our parent hold here, as defaults: where an operator of ours has set one, that stays, and where one
 * sets one later, it goes first. Actions that we do not know are passed over; they are of another version.
 *
 * Under the peer's lock, so that a peering which ends meanwhile takes its cascade with it. Every service is told by the
 * commit; heard by audit-ledger.
 */
export async function cascadePolicies(
  tx: GrantTx,
  now: Date,
  { by, peerId, rules }: { by: By; peerId: string; rules: readonly Rule[] },
): Promise<ApprovalPolicy[]> {
  const peer = await peers.lock(tx, peerId)
  if (peer.revokedAt || peer.relationship !== MANAGED_CHILD)
    throw new Refusal('MOVE_NOT_ALLOWED', 'only the policies of a platform whose managed child we are hold here too', {
      metadata: { peer_id: peerId },
      next: `fedctl peer show ${peerId}`,
    })
  const setBy = inheritedFrom(peerId)
  const said = new Map(rules.map((rule) => [rule.action, rule]))
  const free = (await policies.lockAll(tx, [...said.keys()])).filter((own) => own.setBy === '' || own.setBy === setBy)
  const held = free.map((before) => ({
    before,
    after: inherited(before, { rule: said.get(before.action), setBy, now }),
  }))
  await change(tx, now, { by, changes: held.filter(({ before, after }) => !isSame(before, after)) })
  return held.map(({ before, after }) => (isSame(before, after) ? before : after))
}

type Inherited = { readonly rule: Rule | undefined; readonly setBy: string; readonly now: Date }

function inherited(before: ApprovalPolicy, { rule, setBy, now }: Inherited): ApprovalPolicy {
  if (!rule) return before
  const { verb: ownVerb, approvers: ownApprovers } = ownPolicy(before)
  const approvers = Math.min(16, Math.max(1, rule.approvers))
  return { ...before, verb: rule.verb, approvers, setBy, setAt: now, ownVerb, ownApprovers }
}

const isSame = (before: ApprovalPolicy, after: ApprovalPolicy): boolean =>
  before.setBy === after.setBy && before.verb === after.verb && before.approvers === after.approvers

type Change = { readonly before: ApprovalPolicy; readonly after: ApprovalPolicy }

/** However many there are, one statement writes them, and one queues the news: a cascade is as cheap as a rule. */
async function change(tx: GrantTx, at: Date, { by, changes }: { by: By; changes: readonly Change[] }): Promise<void> {
  await policies.saveAll(
    tx,
    changes.map(({ after }) => after),
  )
  await appendAll(
    tx,
    changes.map(({ before, after }) => policySet(after, { at, by, before })),
  )
}

/** We are a child of that peer no more: what its policies had taken the place of holds again. */
export async function endCascade(
  tx: GrantTx,
  now: Date,
  { peerId, cause }: { peerId: string; cause: Cause },
): Promise<void> {
  const by = { actor: cause.actor, requestId: cause.correlationId, traceparent: cause.traceparent }
  const changes = (await policies.lockSetBy(tx, inheritedFrom(peerId))).map((before) => ({
    before,
    after: ownPolicy(before),
  }))
  await change(tx, now, { by, changes })
}
