import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { Notice, NoticeDelivery } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import type { Paint } from './paint.ts'
import { sheet, table, type Fact } from './table.ts'
import { age, left, moment } from './time.ts'

const SAME: NamePeers = (text) => text

export function noticeTable(notices: readonly Notice[], { to, now, width }: Canvas, name: NamePeers): string {
  if (notices.length === 0) return 'no notices'
  return table(
    notices,
    [
      { title: 'NOTICE', text: ({ id }) => id },
      { title: 'KIND', text: ({ kind }) => kind },
      {
        title: 'FROM',
        text: ({ direction, peerId }) => (direction === 'received' ? name(peerId) : 'us'),
        colour: ({ direction, kind }) => (direction === 'received' && kind === 'compromise' ? to.bad : plainly),
      },
      { title: 'DECLARED', text: ({ declaredAt }) => `${age(declaredAt, now)} ago` },
      {
        title: 'HEARD',
        text: (notice) => heard(notice),
        colour: (notice) => (notice.owed > 0 && isOverdue(notice, now) ? to.bad : notice.owed > 0 ? to.warn : plainly),
      },
      { title: 'WHAT', text: ({ summary, kind, peerId }) => (kind === 'revocation' ? `${name(peerId)}: ${summary}` : summary) }, // prettier-ignore
    ],
    to,
    width,
  )
}

/** What a notice says, and below it each partner that is told. */
export function noticeSheet(notice: Notice, canvas: Canvas, name: NamePeers = SAME): string {
  const { to, now, paste } = canvas
  const rows = notice.deliveries.length > 0 ? deliveryTable(notice.deliveries, canvas) : ''
  const next =
    notice.direction === 'received' && notice.kind === 'compromise'
      ? `next  until you know more: ${paste(`fedctl peer suspend ${notice.peerId}`)}`
      : ''
  const facts: Fact[] = [
    ['notice', notice.id, to.bold],
    ['kind', notice.kind],
    ['from', notice.direction === 'received' ? name(notice.peerId) : 'us'],
    ['what', notice.summary],
    ['affected', notice.affected.join(', ')],
    ['advice', notice.advice],
    ['discovered', said(notice.discoveredAt)],
    ['declared', `${moment(notice.declaredAt)} UTC by ${name(notice.declaredBy)}`],
    ['received', said(notice.receivedAt)],
    ['their id of it', notice.direction === 'received' ? notice.senderId : ''],
    ['due', due(notice, now), isOverdue(notice, now) && notice.owed > 0 ? to.bad : undefined],
    ['heard', heard(notice)],
    ['last heard', said(notice.lastDeliveredAt)],
  ]
  return [sheet(facts, to), rows, next].filter((part) => part !== '').join('\n\n')
}

function deliveryTable(deliveries: readonly NoticeDelivery[], { to, now, width }: Canvas): string {
  return table(
    deliveries,
    [
      { title: 'PEER', text: ({ peerName, peerId }) => peerName || peerId },
      { title: 'STATUS', text: ({ status }) => status.replace('_', ' '), colour: ({ status }) => colourOf(status, to) },
      { title: 'RECEIPT', text: ({ receipted, status }) => (receipted ? 'signed' : status === 'delivered' ? 'none' : '-') }, // prettier-ignore
      { title: 'TRIES', text: ({ attempts }) => String(attempts) },
      { title: 'WHEN', text: ({ deliveredAt, nextAttemptAt }) => (deliveredAt ? `${age(deliveredAt, now)} ago` : nextAttemptAt ? again(left(nextAttemptAt, now)) : '-') }, // prettier-ignore
      { title: 'WHY NOT', text: ({ lastError }) => lastError || '-' },
    ],
    to,
    width,
  )
}

const again = (text: string): string => (text === 'expired' ? 'at once' : `again in ${text}`)

function heard({ direction, delivered, owed, givenUp }: Notice): string {
  if (direction === 'received') return 'by us'
  const all = delivered + owed + givenUp
  return `${delivered} of ${all}${givenUp > 0 ? `, ${givenUp} given up` : ''}`
}

const due = ({ dueAt }: Notice, now: Date): string =>
  dueAt ? `${moment(dueAt)} UTC${timestampDate(dueAt) < now ? '' : `, in ${left(dueAt, now)}`}` : ''

const isOverdue = ({ dueAt }: Notice, now: Date): boolean => dueAt !== undefined && timestampDate(dueAt) < now

const said = (at: Notice['discoveredAt']): string => (at ? `${moment(at)} UTC` : '')

const COLOURS: Readonly<Record<string, (to: Paint) => (text: string) => string>> = {
  delivered: (to) => to.good,
  owed: (to) => to.warn,
  given_up: (to) => to.bad,
}
const colourOf = (status: string, to: Paint) => COLOURS[status]?.(to) ?? plainly
const plainly = (text: string): string => text
