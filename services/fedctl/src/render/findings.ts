import type { Finding, ListCommitmentsResponse } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Findings } from '../every-finding.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import type { Paint } from './paint.ts'
import { sheet, table } from './table.ts'
import { age, moment } from './time.ts'

/** Whether it is there, and nobody has seen it yet. */
export const isNew = ({ closedAt, acknowledgedAt, missingSince }: Finding): boolean =>
  !closedAt && !acknowledgedAt && !missingSince

/** Findings, the gravest first, and what to do about the first of them. */
export function findingTable({ findings, ...look }: Findings, canvas: Canvas, name: NamePeers): string {
  const { to, width, paste, now } = canvas
  const rows = table(
    findings,
    [
      { title: 'FINDING', text: ({ id }) => id.slice(-8), colour: ({ closedAt }) => (closedAt ? to.dim : plainly) },
      { title: 'SEVERITY', text: ({ severity }) => severity, colour: (finding) => colourOf(finding, to) },
      { title: 'KIND', text: ({ kind }) => kind },
      { title: 'PEER', text: ({ peerId }) => name(peerId) || 'platform' },
      { title: 'SINCE', text: ({ openedAt }) => age(openedAt, now) },
      { title: 'WAITS FOR', text: waitsFor },
      { title: 'SEEN BY', text: ({ acknowledgedBy }) => acknowledgedBy.replace(/^operator\//, '') || '-' },
      { title: 'IN WORDS', text: ({ message }) => name(message) },
    ],
    to,
    width,
  )
  const first = findings.find(isNew)
  const parts = [
    findings.length === 0 ? 'no findings' : rows,
    coverage(look, to),
    first ? `next  ${paste(`fedctl finding show ${first.id.slice(-8)}`)}` : '',
  ]
  return parts.filter(Boolean).join('\n\n')
}

/** One finding with all that was seen. */
export function findingSheet(finding: Finding, { to, paste }: Canvas, name: NamePeers): string {
  const { id, kind, severity, peerId, message, remedy, acknowledgedAt, acknowledgedBy, note } = finding
  const facts = sheet(
    [
      ['finding', id],
      ['kind', kind],
      ['severity', severity, colourOf(finding, to)],
      ['peer', name(peerId) || 'none: it is about the platform'],
      ['in words', name(message)],
      ['waits for', waitsFor(finding)],
      ['mended by', paste(remedy)],
      ['opened', `${moment(finding.openedAt)} UTC`],
      ['updated', `${moment(finding.updatedAt)} UTC`],
      [
        'not found since',
        finding.missingSince
          ? `${moment(finding.missingSince)} UTC: it came back before, so it closes an hour later`
          : '',
      ],
      ['closed', finding.closedAt ? `${moment(finding.closedAt)} UTC` : ''],
      ['seen by', acknowledgedAt ? `${acknowledgedBy} at ${moment(acknowledgedAt)} UTC: ${note}` : ''],
    ],
    to,
  )
  const seen = sheet(
    Object.entries(finding.payload).map(([key, value]) => [key, name(value)] as const),
    to,
    '  ',
  )
  const next = !isNew(finding) ? '' : `next  ${paste(`fedctl finding ack ${id} --note "what comes of it"`)}` // prettier-ignore
  return [facts, seen && `${to.bold('What was seen')}\n${seen}`, next].filter(Boolean).join('\n\n')
}

/** The contract's twelve, and how each stands. */
export function commitmentTable(contract: ListCommitmentsResponse, { to, width }: Canvas, name: NamePeers): string {
  const { commitments, contractVersion, contractSha256 } = contract
  const rows = table(
    commitments,
    [
      { title: '#', text: ({ number }) => String(number) },
      { title: 'COMMITMENT', text: (one) => one.name },
      { title: 'RESULT', text: ({ result }) => RESULTS[result]?.words ?? result, colour: ({ result }) => RESULTS[result]?.colour(to) ?? plainly }, // prettier-ignore
      { title: 'WITH', text: ({ peerIds }) => (peerIds.length === 0 ? '-' : String(peerIds.length)) },
      { title: 'CHECKED (UTC)', text: ({ checkedAt }) => moment(checkedAt) },
      { title: 'IN WORDS', text: ({ detail, checked }) => name(detail) || checked },
    ],
    to,
    width,
  )
  const text = contractSha256 === '' ? '' : to.dim(`contract ${contractVersion}, SHA-256 ${contractSha256}`)
  return [rows, text].filter(Boolean).join('\n\n')
}

const plainly = (text: string): string => text

const RESULTS: Readonly<Record<string, { words: string; colour: (to: Paint) => (text: string) => string }>> = {
  kept: { words: 'kept', colour: (to) => to.good },
  broken: { words: 'broken', colour: (to) => to.bad },
  unknown: { words: 'unknown', colour: (to) => to.warn },
  not_checkable: { words: 'not checkable', colour: (to) => to.dim },
}

function colourOf({ severity, closedAt, missingSince }: Finding, to: Paint): (text: string) => string {
  if (closedAt || missingSince) return to.dim
  return severity === 'critical' || severity === 'high' ? to.bad : severity === 'medium' ? to.warn : plainly
}

function waitsFor({ waitingOn, closedAt, missingSince }: Finding): string {
  if (closedAt) return 'nobody: it is closed'
  return missingSince ? `nobody: not found since ${moment(missingSince)}` : waitingOn
}

/** A list that is short because nobody could look is no good news. */
function coverage({ scannedAt, unread }: Omit<Findings, 'findings'>, to: Paint): string {
  if (!scannedAt) return to.warn('nobody has looked yet')
  if (unread.length === 0) return ''
  return to.warn(`not all could be looked at: ${unread.join(', ')} did not answer, and what follows from it stays as it was`) // prettier-ignore
}
