import type { DescMessage, MessageShape } from '@bufbuild/protobuf'
import type { HandlerContext } from '@connectrpc/connect'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { callerOf, callerText, Refusal, refusalOf, requestOf, within, type OperatorCaller } from '@powernode/rpc'
import type { ApprovalClient } from './approval-client.ts'
import type { Directory } from './directory.ts'
import { planOf, type Plan } from './plan.ts'

/** An act that may have to be approved before it is done. */
export type GatedAct<Desc extends DescMessage> = {
  /** Whose policy it falls under, for example `sdwan.federation_peer_revoke`. */
  readonly action: string
  readonly schema: Desc
  /** What is to be carried out. A rehearsal (dry_run) changes nothing, and is never held up. */
  readonly request: MessageShape<Desc> & { readonly dryRun: boolean }
  /** What approvers read. Like everything of an approval it MUST NOT hold a secret. */
  readonly summary: string
  /** What it would do, one line each; found out only when somebody has to be asked. What it throws is thrown. */
  readonly effects?: readonly string[] | (() => Promise<readonly string[]>)
  /**
   * What is approved in the place of `request`: the same, with what follows from it filled in, such as the hash of what it would
   * do. Found out only when somebody has to be asked.
   */
  readonly approved?: () => Promise<MessageShape<Desc>>
  readonly peerId?: string
  /**
   * Keeps what the plan leaves out. Called before approval is asked for, so that whoever approves at once finds it kept;
   * and once more with the id of the approval.
   */
  readonly hold?: (held: Held) => Promise<void>
}

/** Under which plan, and for whom, something is held. */
export type Held = {
  readonly planSha256: Buffer
  readonly requestedBy: string
  readonly approvalId: string | undefined
}

export type Gate = {
  /** Returns when the act may be done now. Throws a Refusal when it may not, or not yet (APPROVAL_REQUIRED). */
  readonly pass: <Desc extends DescMessage>(context: HandlerContext, act: GatedAct<Desc>) => Promise<void>
}

const CONTROL = 'system.infra_tasks.control'

/**
 * The gate in front of what has to be approved.
 *
 * A person who may control and acts directly is the approval, and passes by what is known in memory. For everybody else
 * grant-authz decides, by its tables. Deny by default: an action without a policy, and a caller who is no operator, are
 * refused.
 */
export function createGate({
  approvals,
  directory,
}: {
  readonly approvals: ApprovalClient
  /** Without one every act is asked about: right where asking costs no more than looking. */
  readonly directory?: Directory
}): Gate {
  return {
    async pass(context, act) {
      if (act.request.dryRun) return
      const caller = callerOf(context)
      if (caller.kind !== 'operator')
        throw new Refusal('CALLER_NOT_ALLOWED', `${callerText(caller)} cannot answer for ${act.action}`)
      if (directory && mayAtOnce(directory, caller, act.action)) return
      await ask(approvals, context, act)
    },
  }
}

/** Whether the caller's own word is enough. Throws when nobody's would be. */
function mayAtOnce(directory: Directory, caller: OperatorCaller, action: string): boolean {
  const policy = directory.policyOf(action)
  if (!policy) throw new Refusal('ACTION_UNKNOWN', `there is no policy for ${action}`, { next: 'fedctl policy list' })
  if (policy.verb === 'blocked') throw blocked(action)
  if (caller.agent && directory.autonomy?.halted) throw halted(directory.autonomy.reason)
  if (policy.verb === 'auto_approve') return true
  const mayControl = !caller.agent && caller.permissions.has(CONTROL)
  return mayControl && (policy.verb === 'notify_and_proceed' || policy.approvers === 1)
}

/** One of those whom it takes: a person who may control, over a certificate of their own. Else one who has tokens made is many. */
const isApprover = ({ agent, heldBy, permissions }: OperatorCaller): boolean =>
  !agent && heldBy === undefined && permissions.has(CONTROL)

/** Nobody may do it, whoever asks. */
export function blocked(action: string): Refusal {
  return new Refusal('ACTION_BLOCKED', `${action} is blocked by its policy`, {
    metadata: { action },
    next: `fedctl policy set ${action} require_approval`,
  })
}

/** Nothing that acts by itself may act. */
export function halted(reason: string): Refusal {
  return new Refusal('AUTONOMY_HALTED', `agents may do nothing for now: ${reason || 'they were halted'}`, {
    next: 'a person may do it, or let agents act again with: fedctl approval resume',
  })
}

async function ask<Desc extends DescMessage>(
  approvals: ApprovalClient,
  context: HandlerContext,
  act: GatedAct<Desc>,
): Promise<void> {
  const { actor: requestedBy, requestId } = requestOf(context)
  const caller = callerOf(context)
  const plan = planOf(act.action, act.schema, (await act.approved?.()) ?? act.request)
  const held = { planSha256: plan.sha256, requestedBy }
  const effects = typeof act.effects === 'function' ? await act.effects() : (act.effects ?? [])
  await act.hold?.({ ...held, approvalId: undefined })
  const request = {
    action: act.action,
    summary: oneLine(act.summary, 512),
    effects: effects.map((effect) => oneLine(effect, 1_000)),
    plan: plan.any,
    requestedBy,
    requestId,
    peerId: act.peerId ?? '',
    countsAsApproval: caller.kind === 'operator' && isApprover(caller),
  }
  const answer = await approvals.requestApproval(request, within(context)).catch((error: unknown) => {
    throw refusalOf(error) ?? error // what grant-authz refuses is meant for whoever asked us
  })
  if (answer.proceed) return
  if (!answer.approval) throw new Error('grant-authz neither lets it be done nor says which approval it waits for')
  await act.hold?.({ ...held, approvalId: answer.approval.id })
  throw required(answer.approval, plan)
}

/** Text that an agent or a peer may have chosen, fit for one line on an approver's terminal. */
function oneLine(said: string, longest: number): string {
  const line = said.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line
}

function required({ id, action, approversNeeded }: Approval, { sha256 }: Plan): Refusal {
  const people = approversNeeded === 1 ? 'somebody has' : `${approversNeeded} people have`
  return new Refusal('APPROVAL_REQUIRED', `${people} to approve this (${action}) before it is done`, {
    metadata: { approval_id: id, plan_sha256: sha256.toString('hex'), action },
    next: `fedctl approval show ${id}`,
  })
}
