import type { HandlerContext, ServiceImpl } from '@connectrpc/connect'
import { epochOf, type Feed } from '@powernode/feed'
import type { ApprovalService } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { callerOf, callerText, personOf, Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import { APPROVAL_STATES, type ApprovalState } from '../approval.ts'
import { OWN_ACTIONS, VERBS, type PolicyVerb } from '../approval-policy.ts'
import { OPERATORS_FEED, type DirectoryUpdate } from '../feed/directory.ts'
import { approveApproval, notFound, rejectApproval, type Decided } from '../operations/approvals/decide-approval.ts'
import { cascadePolicies } from '../operations/approvals/cascade-policies.ts'
import { setAutonomy, setPolicy } from '../operations/approvals/set-policy.ts'
import * as policies from '../store/approval-policies.ts'
import * as approvals from '../store/approvals.ts'
import type { GrantTx, Tables } from '../store/tables.ts'
import { isUuid } from '../uuid.ts'
import { approvalToWire, autonomyToWire, policyToWire } from '../wire-approvals.ts'
import { ownedBy } from './approval-owners.ts'
import { actOrRehearse, look, type DoorDeps } from './door.ts'
import { afterPage, pageSize, pageToken } from './page.ts'

const READ = ['system.federation.read'] as const
const CONTROL = ['system.infra_tasks.control'] as const
/** Services that carry out what was approved. What is ours to carry out does not leave the process. */
const OWNERS = [
  'service/peer-registry',
  'service/spawn-provisioner',
  'service/sdwan-compiler',
  'service/liveness',
] as const

export const APPROVAL_CALLERS: CallersTable<typeof ApprovalService> = {
  listPolicies: [...READ, 'service/spawn-provisioner'],
  setPolicy: CONTROL,
  cascadePolicies: ['service/node-agent'],
  listApprovals: [...READ, 'service/liveness'],
  getApproval: [...READ, 'service/peer-registry'],
  approve: CONTROL,
  reject: CONTROL,
  halt: CONTROL,
  resume: CONTROL,
  getAutonomy: [...READ, 'service/liveness'],
  requestApproval: OWNERS,
  listApproved: OWNERS,
  reportExecution: OWNERS,
}

export type ApprovalDeps = DoorDeps & { readonly operatorsFeed: Pick<Feed<Tables, DirectoryUpdate>, 'enforced'> }

export const approvalHandlers = (deps: ApprovalDeps): ServiceImpl<typeof ApprovalService> => ({
  listPolicies: () => look(deps, async (tx) => ({ policies: (await policies.list(tx)).map(policyToWire) })),

  setPolicy: (req, context) =>
    tell(deps, { dryRun: req.dryRun, context }, async (tx, now) => {
      const by = personOf(context, 'change a policy')
      const { action, verb, approvers } = req
      return { policy: policyToWire(await setPolicy(tx, now, { by, action, verb: verbOf(verb), approvers })) }
    }),

  cascadePolicies: (req, context) =>
    tell(deps, { dryRun: false, context }, async (tx, now) => {
      const rules = (req.cascade?.rules ?? []).map(({ action, verb, approvalsNeeded }) => ({
        action,
        verb: verbOf(verb),
        approvers: approvalsNeeded,
      }))
      const held = await cascadePolicies(tx, now, { by: requestOf(context), peerId: req.peerId, rules })
      return { policies: held.map(policyToWire) }
    }),

  listApprovals: (req) =>
    look(deps, async (tx) => {
      if (req.peerId !== '' && !isUuid(req.peerId))
        throw new Refusal('PEER_NOT_FOUND', `${req.peerId} is no id of a peer`)
      const { approvals: page, hasMore } = await approvals.list(tx, {
        states: req.states.map(stateOf),
        peerId: req.peerId || undefined,
        beforeId: afterPage(req.pageToken),
        limit: pageSize(req.pageSize),
      })
      return { approvals: page.map(approvalToWire), nextPageToken: pageToken(hasMore ? page.at(-1)?.id : undefined) }
    }),

  getApproval: ({ approvalId }, context) =>
    look(deps, async (tx) => {
      const approval = await approvals.find(tx, approvalId)
      const caller = callerOf(context)
      if (!approval || (caller.kind === 'service' && callerText(caller) !== approval.owner)) throw notFound(approvalId)
      return { approval: approvalToWire(approval) }
    }),

  approve: (req, context) =>
    decided(deps, req.dryRun, (tx, now) => {
      const { actor: by } = personOf(context, 'approve')
      refuseBorrowed(context)
      const { approvalId, planSha256, reason } = req
      return approveApproval(tx, now, { approvalId, planSha256, reason, by })
    }),

  reject: (req, context) =>
    decided(deps, req.dryRun, (tx, now) => {
      const { approvalId, reason } = req
      return rejectApproval(tx, now, { approvalId, reason, by: requestOf(context).actor })
    }),

  halt: (req, context) =>
    tell(deps, { dryRun: req.dryRun, context }, async (tx, now) => {
      const said = { by: requestOf(context), halted: true, reason: req.reason }
      return { autonomy: autonomyToWire(await setAutonomy(tx, now, said)) }
    }),

  resume: (req, context) =>
    tell(deps, { dryRun: req.dryRun, context }, async (tx, now) => {
      const said = { by: personOf(context, 'let agents act again'), halted: false, reason: req.reason }
      return { autonomy: autonomyToWire(await setAutonomy(tx, now, said)) }
    }),

  getAutonomy: () => look(deps, async (tx) => ({ autonomy: autonomyToWire(await policies.autonomy(tx)) })),

  requestApproval(req, context) {
    const owner = ownerIn(context)
    if (OWN_ACTIONS.has(req.action))
      throw new Refusal('CALLER_NOT_ALLOWED', `${owner} does not carry out ${req.action}`)
    return ownedBy(deps, owner).requestApproval(req)
  },
  listApproved: (req, context) => ownedBy(deps, ownerIn(context)).listApproved(req),
  reportExecution: (req, context) => ownedBy(deps, ownerIn(context)).reportExecution(req),
})

const ownerIn = (context: HandlerContext): string => callerText(callerOf(context))

/** Answers when every service that listens knows of it: what is halted or blocked is so for the very next call. */
async function tell<Result>(
  deps: ApprovalDeps,
  { dryRun, context }: { dryRun: boolean; context: HandlerContext },
  verb: (tx: GrantTx, now: Date) => Promise<Result>,
): Promise<Result> {
  const { result, epoch } = await actOrRehearse(deps, dryRun, async (tx, now) => ({
    result: await verb(tx, now),
    epoch: await epochOf(tx, OPERATORS_FEED),
  }))
  if (!dryRun && epoch !== undefined) await deps.operatorsFeed.enforced(epoch, context.signal)
  return result
}

/** Of a vote that came too late, what it has noted is kept, and whoever voted is told that it was too late. */
async function decided(
  deps: DoorDeps,
  dryRun: boolean,
  verb: (tx: GrantTx, now: Date) => Promise<Decided>,
): Promise<{ approval: ReturnType<typeof approvalToWire> }> {
  const { approval, inTime } = await actOrRehearse(deps, dryRun, verb)
  if (inTime) return { approval: approvalToWire(approval) }
  throw new Refusal(
    'APPROVAL_OVER',
    `nobody approved in time: it was rejected at ${approval.expiresAt.toISOString()}`,
    {
      metadata: { state: approval.state },
      next: 'whoever wants it asks again',
    },
  )
}

/** A vote is cast over a certificate of one's own: else one who has tokens made for others would be all of them. */
function refuseBorrowed(context: HandlerContext): void {
  const caller = callerOf(context)
  if (caller.kind !== 'operator' || caller.heldBy === undefined) return
  throw new Refusal('PERMISSION_MISSING', `operator/${caller.heldBy} does not vote for ${callerText(caller)}`, {
    next: 'whoever approves shows a certificate of their own',
  })
}

function verbOf(said: string): PolicyVerb {
  const verb = VERBS.find((word) => word === said)
  if (verb) return verb
  throw new Refusal('REQUEST_INVALID', `${said} is no verb of a policy; there are ${VERBS.join(', ')}`)
}

function stateOf(said: string): ApprovalState {
  const state = APPROVAL_STATES.find((word) => word === said)
  if (state) return state
  throw new Refusal('REQUEST_INVALID', `${said} is no state of an approval; there are ${APPROVAL_STATES.join(', ')}`)
}
