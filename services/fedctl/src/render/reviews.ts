import type { Review, ReviewList } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { harmlessLine } from './paint.ts'
import { sheet, table } from './table.ts'
import { age, moment } from './time.ts'

export function reviewTable(reviews: readonly Review[], { to, now, width }: Canvas): string {
  if (reviews.length === 0) return 'no reviews yet; the first comes by itself, or now: fedctl review run'
  return table(
    reviews,
    [
      { title: 'REVIEW', text: ({ id }) => id },
      { title: 'WHEN', text: ({ completedAt }) => `${age(completedAt, now)} ago` },
      { title: 'BY', text: ({ trigger, requestedBy }) => (trigger === 'weekly' ? 'weekly' : requestedBy) },
      { title: 'FOUND', text: ({ findingCount }) => String(findingCount) },
      {
        title: 'WHAT',
        text: ({ lists }) => lists.filter(({ count }) => count > 0).map(({ key, count }) => `${count} ${words(key)}`).join(', ') || '-', // prettier-ignore
      },
      {
        title: 'UNREAD',
        text: ({ unread }) => unread.join(', ') || '-',
        colour: ({ unread }) => (unread.length > 0 ? to.warn : (text) => text),
      },
    ],
    to,
    width,
  )
}

/** Every list with its lines; those that are empty in one line together. */
export function reviewSheet(review: Review, canvas: Canvas, name: NamePeers): string {
  const { to } = canvas
  const { lists, unread, archivedGrants, findingCount, completedAt, requestedBy } = review
  const head = sheet(
    [
      ['review', review.id, to.bold],
      ['drawn up', `${moment(completedAt)} UTC for ${requestedBy}`],
      ['found', String(findingCount)],
      ['archived', archivedGrants > 0 ? `${archivedGrants} grants since the review before` : ''],
      ['unread', unread.length > 0 ? `${unread.join(', ')}: what needs their word is missing` : '', to.warn],
    ],
    to,
  )
  const found = lists.filter(({ count }) => count > 0)
  const empty = lists.filter(({ count }) => count === 0).map(({ key }) => words(key))
  return [
    head,
    ...found.map((list) => listText(list, canvas, name)),
    empty.length > 0 ? to.dim(`nothing in: ${empty.join(', ')}`) : '',
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

function listText({ key, count, items, truncated }: ReviewList, { to, paste }: Canvas, name: NamePeers): string {
  const lines = items.map(({ peerId, message, suggestion, command }) =>
    [
      `  - ${harmlessLine(`${name(peerId)}: ${message}`)}`,
      `    ${to.dim(harmlessLine(suggestion))}  ${paste(harmlessLine(command))}`,
    ].join('\n'),
  )
  const more = truncated ? [to.dim(`  … and ${count - items.length} more`)] : []
  return [to.bold(`${words(key)} (${count})`), ...lines, ...more].join('\n')
}

const words = (key: string): string => key.replaceAll('_', ' ')
