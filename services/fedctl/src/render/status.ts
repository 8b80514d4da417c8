import { RotationStep } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import { PeerState, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildState } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas } from '../output.ts'
import { childrenByState, countByState, type PlatformStatus, type ServiceHealth } from '../platform-status.ts'
import { autonomyText } from './approvals.ts'
import { certificateTable } from './certificate-table.ts'
import { harmless, stateColour } from './paint.ts'
import { waiting } from './rotation.ts'
import { sheet, table } from './table.ts'
import { span } from './time.ts'
import { plural, word } from './words.ts'

const ENDED: readonly RotationStep[] = [RotationStep.RETIRED, RotationStep.CANCELLED]

/**
 * Nothing needs a hand: services serve, no peer is degraded or waits for us, nothing waits for approval or runs out, no log
 * is in doubt, no child waits for us, and nothing is left of one.
 */
export function isWell(status: PlatformStatus): boolean {
  const { services, peers, expiring, approvals, autonomy, alarms, children, orphans } = status
  return (
    services.every(({ status }) => status === 'serving' || status === 'not configured') &&
    peers.every((peer) => peer.state !== PeerState.DEGRADED && peer.openItems.length === 0) &&
    expiring.length === 0 &&
    approvals.length === 0 &&
    autonomy?.halted !== true &&
    alarms.length === 0 &&
    !children.some(needsUs) &&
    orphans.length === 0
  )
}

const needsUs = ({ state, waitingOn }: PlatformStatus['children'][number]): boolean =>
  waitingOn === WaitingOn.US && state !== ChildState.ACTIVE

/** The platform on one screen. */
export function statusText(status: PlatformStatus, canvas: Canvas): string {
  const { to } = canvas
  const { platform, expiring, rotation, approvals, autonomy, alarms, children, orphans } = status
  const described = platform?.platform
  const parts = [
    sheet(
      [
        ['platform', described?.name || status.context, to.bold],
        ['platform id', described?.platformId ?? ''],
        ['trust domain', described?.trustDomain ?? ''],
        ['gateway', described?.endpoints.map(({ url }) => url).join('\n') ?? ''],
        [
          'contract',
          described?.contractWindow ? `${described.contractWindow.min} to ${described.contractWindow.max}` : '',
        ],
        ['trust bundle', platform ? `sequence ${platform.trustBundleSequence}` : ''],
      ],
      to,
    ),
    services(status.services, canvas),
    `${to.bold('Peers')}\n${peerCounts(status, to)}`,
    children.length > 0 ? `${to.bold('Children')}\n${childCounts(status, to)}` : '',
    alarms.length > 0 ? `${to.bad('Logs in doubt')}\n${alarmLines(status, canvas)}` : '',
    waitingForUs(status, canvas),
    orphans.length > 0 ? `${to.warn('Left without a child')}\n${orphanLines(orphans, canvas)}` : '',
    approvals.length > 0 ? `${to.warn('Waiting for approval')}\n${approvalLines(approvals, canvas)}` : '',
    autonomy?.halted ? `${to.warn('Autonomy')}  ${autonomyText(autonomy, canvas)}` : '',
    expiring.length > 0 ? `${to.warn('Certificates that run out')}\n${certificateTable(expiring, canvas)}` : '',
    rotation && !ENDED.includes(rotation.step)
      ? `${to.warn('CA rotation')}  ${word(RotationStep, rotation.step)}, waiting for ${plural(waiting(rotation).length, 'holder')}; next: ${canvas.paste(rotation.next)}`
      : '',
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

function services(all: readonly ServiceHealth[], { to, width }: Canvas): string {
  const colour = ({ status }: ServiceHealth) =>
    status === 'serving' ? to.good : status === 'not configured' ? to.dim : to.bad
  return table(
    all,
    [
      { title: 'SERVICE', text: ({ name }) => name },
      { title: 'HEALTH', text: ({ status }) => status, colour },
      { title: 'ANSWERED IN', text: ({ ms }) => (ms === undefined ? '-' : `${Math.round(ms)}ms`) },
      { title: 'ADDRESS', text: ({ address, detail }) => [address, detail].filter(Boolean).join('  ') || '-' },
    ],
    to,
    width,
  )
}

const peerCounts = ({ peers }: PlatformStatus, to: Canvas['to']): string =>
  counts(countByState(peers), to) || '  none yet'

const childCounts = ({ children }: PlatformStatus, to: Canvas['to']): string => counts(childrenByState(children), to)

function counts(byState: Readonly<Record<string, number>>, to: Canvas['to']): string {
  const found = Object.entries(byState).filter(([, count]) => count > 0)
  if (found.length === 0) return ''
  return `  ${found.map(([state, count]) => stateColour(to, state)(`${count} ${state}`)).join('   ')}`
}

function orphanLines(orphans: PlatformStatus['orphans'], { paste }: Canvas): string {
  return orphans
    .map(({ kind, name, ageSeconds, next }) => {
      const since = span(Number(ageSeconds) * 1_000)
      return `  ${harmless(`${kind} ${name}, ${since} old`)}${next ? `; next: ${paste(harmless(next))}` : ''}`
    })
    .join('\n')
}

function alarmLines({ alarms, peers }: PlatformStatus, { paste }: Canvas): string {
  const lines = alarms.map(({ id, kind, whose, peerId }) => {
    const peer = peers.find((one) => one.id === peerId)?.name || peerId
    const log = whose === 'ours' ? `our log about ${peer}` : `the log of ${peer} about us`
    return `  ${harmless(`${kind} in ${log}`)}; next: ${paste(`fedctl audit alarms ${id}`)}`
  })
  return lines.join('\n')
}

function approvalLines(approvals: PlatformStatus['approvals'], { paste }: Canvas): string {
  const lines = approvals.map(({ id, summary, requestedBy }) => {
    const what = harmless(`${summary}, asked for by ${requestedBy}`)
    return `  ${what}; next: ${paste(`fedctl approval show ${id}`)}`
  })
  return lines.join('\n')
}

function waitingForUs({ peers, children }: PlatformStatus, { to, paste }: Canvas): string {
  const ours = [
    ...peers
      .filter((peer) => peer.waitingOn === WaitingOn.US || peer.openItems.length > 0)
      .map(({ name, id, openItems, reason, next }) => ({ who: name || id, what: openItems[0] ?? reason, next })),
    ...children.filter(needsUs).map(({ hostname, reason, next }) => ({ who: hostname, what: reason, next })),
  ]
  if (ours.length === 0) return ''
  const lines = ours.map(({ who, what, next }) => harmless(`  ${who}: ${what}${next ? `; next: ${paste(next)}` : ''}`))
  return `${to.warn('Open')}\n${lines.join('\n')}`
}
