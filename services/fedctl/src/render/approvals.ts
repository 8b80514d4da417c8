import type { Approval, Autonomy, Policy } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { JsonValue } from '@bufbuild/protobuf'
import { stringify } from 'yaml'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmless, type Paint } from './paint.ts'
import { sheet, table, type Fact } from './table.ts'
import { age, left, moment } from './time.ts'

export function approvalTable(approvals: readonly Approval[], { to, now, width }: Canvas, name: NamePeers): string {
  if (approvals.length === 0) return 'nothing waits for approval'
  return table(
    approvals,
    [
      { title: 'APPROVAL', text: ({ id }) => id },
      { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateColour(state, to) },
      {
        title: 'VOTES',
        text: ({ votes, approversNeeded }) => `${votes.filter((vote) => vote.approves).length} of ${approversNeeded}`,
      },
      { title: 'ACTION', text: ({ action }) => action },
      { title: 'ASKED', text: ({ requestedAt, requestedBy }) => `${age(requestedAt, now)} ago by ${requestedBy}` },
      { title: 'TIME LEFT', text: ({ state, expiresAt }) => (state === 'pending' ? left(expiresAt, now) : '-') },
      { title: 'WHAT', text: ({ summary }) => name(summary) },
    ],
    to,
    width,
  )
}

/** Everything an approver has to see, the plan itself last. */
export function approvalSheet(approval: Approval, plan: JsonValue, canvas: Canvas, name: NamePeers): string {
  const { to, paste } = canvas
  const parts = [
    sheet(standing(approval, canvas, name), to),
    approval.effects.length > 0
      ? `${to.bold('What it would do')}\n${approval.effects.map((line) => `  - ${harmless(name(line))}`).join('\n')}`
      : '',
    `${to.bold('The plan')}\n${harmless(stringify(plan).trimEnd()).replaceAll(/^/gm, '  ')}`,
    approval.state === 'pending'
      ? `next  ${paste(`fedctl approval approve ${approval.id}`)}, or ${paste(`fedctl approval reject ${approval.id}`)}`
      : '',
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function standing(approval: Approval, { to, now }: Canvas, name: NamePeers): Fact[] {
  const { state, votes } = approval
  return [
    ['approval', approval.id, to.bold],
    ['state', state, stateColour(state, to)],
    ['what', name(approval.summary)],
    ['action', approval.action],
    ['peer', name(approval.peerId)],
    [
      'asked',
      `${moment(approval.requestedAt)} UTC by ${approval.requestedBy}${approval.autonomous ? ', an agent' : ''}`,
    ],
    ['carried out by', approval.owner],
    ['time left', state === 'pending' ? left(approval.expiresAt, now) : ''],
    ['votes', `${votes.filter(({ approves }) => approves).length} of ${approval.approversNeeded}`],
    [
      '',
      votes
        .map((vote) => `${vote.by} ${vote.approves ? 'approves' : 'rejects'}${vote.reason && `: ${vote.reason}`}`)
        .join('\n'),
    ],
    ['decided', approval.decidedAt ? `${moment(approval.decidedAt)} UTC` : ''],
    ['executed', approval.executedAt ? `${moment(approval.executedAt)} UTC` : ''],
    ['failed', approval.failureReason ? `${approval.failureMessage} (${approval.failureReason})` : '', to.bad],
    ['plan sha256', Buffer.from(approval.planSha256).toString('hex')],
  ]
}

export function policyTable(policies: readonly Policy[], { to, now, width }: Canvas): string {
  return table(
    policies,
    [
      { title: 'ACTION', text: ({ action }) => action },
      {
        title: 'POLICY',
        text: ({ verb }) => verb,
        colour: ({ verb }) => (verb === 'blocked' ? to.bad : (text) => text),
      },
      { title: 'APPROVERS', text: ({ verb, approvers }) => (verb === 'require_approval' ? String(approvers) : '-') },
      { title: 'SET', text: ({ setAt, setBy }) => (setBy ? `${age(setAt, now)} ago by ${setBy}` : '-') },
      { title: 'WHAT', text: ({ description }) => description || '-' },
    ],
    to,
    width,
  )
}

export function autonomyText({ halted, reason, by, since }: Autonomy, { to, now, paste }: Canvas): string {
  if (!halted) return `${to.good('going')}  what acts by itself may act, as far as the policies go`
  const said = `${to.bad('halted')}  ${age(since, now)} ago by ${harmless(by)}: ${harmless(reason)}`
  return `${said}\nnext    ${paste('fedctl approval resume')}`
}

const stateColour = (state: string, to: Paint): ((text: string) => string) =>
  state === 'pending' ? to.warn : state === 'failed' ? to.bad : state === 'executed' ? to.good : to.dim
