import type { Operator, Role, WhoAmIResponse } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import { sheet, table } from './table.ts'
import { age, moment } from './time.ts'

export function operatorTable(operators: readonly Operator[], { to, now, width }: Canvas): string {
  if (operators.length === 0) return 'no operators'
  return table(
    operators,
    [
      { title: 'OPERATOR', text: ({ name }) => name },
      { title: 'KIND', text: ({ kind }) => kind || 'person' },
      {
        title: 'STANDS',
        text: ({ paused }) => (paused ? 'paused' : 'good'),
        colour: ({ paused }) => (paused ? to.bad : to.good),
      },
      { title: 'ROLES', text: ({ roles }) => roles.join(',') || '-' },
      { title: 'SET', text: ({ setAt, setBy }) => (setBy ? `${age(setAt, now)} ago by ${setBy}` : '-') },
      { title: 'NOTE', text: ({ note }) => note || '-' },
    ],
    to,
    width,
  )
}

export function operatorSheet(operator: Operator, { to }: Canvas): string {
  return sheet(
    [
      ['operator', operator.name, to.bold],
      ['kind', operator.kind || 'person'],
      ['stands', operator.paused ? 'paused: may do nothing' : 'good', operator.paused ? to.bad : to.good],
      ['roles', operator.roles.join(', ') || 'none'],
      ['may', operator.permissions.join('\n') || 'nothing'],
      ['subjects', operator.oidcSubjects.join('\n')],
      ['note', operator.note],
      ['set', operator.setBy ? `${moment(operator.setAt)} UTC by ${operator.setBy}` : ''],
    ],
    to,
  )
}

export function roleTable(roles: readonly Role[], { to, width }: Canvas): string {
  return table(
    roles,
    [
      { title: 'ROLE', text: ({ name }) => name },
      { title: 'COMES WITH', text: ({ builtIn }) => (builtIn ? 'the platform' : 'us') },
      { title: 'MAY', text: ({ permissions }) => permissions.join(' ') || '-' },
    ],
    to,
    width,
  )
}

export function whoAmIText(answer: WhoAmIResponse, { to }: Canvas): string {
  return sheet(
    [
      ['you are', answer.caller, to.bold],
      ['kind', answer.kind],
      ['known by', answer.by],
      ['roles', answer.roles.join(', ') || 'none'],
      ['you may', answer.permissions.join('\n') || 'nothing'],
    ],
    to,
  )
}
