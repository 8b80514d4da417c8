import { SpawnMode, WaitingOn } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { ChildState, type Child, type SpawnStep } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas } from '../output.ts'
import type { SpawnName } from '../spawn-names.ts'
import type { Paint } from './paint.ts'
import { sheet, table, type Fact } from './table.ts'
import { age, left, moment } from './time.ts'
import { what } from './what.ts'
import { word } from './words.ts'

/** All children at a glance: what each is, how far it has come, and what it waits for. */
export function childTable(children: readonly Child[], { now, to, width, paste }: Canvas, name: SpawnName): string {
  if (children.length === 0) return `no children; make one: ${to.bold(paste('fedctl child spawn <hostname>'))}`
  return table(
    children,
    [
      { title: 'CHILD', text: ({ hostname }) => hostname },
      { title: 'MODE', text: ({ spawnMode }) => word(SpawnMode, spawnMode) },
      { title: 'STATE', text: ({ state }) => word(ChildState, state), colour: ({ state }) => childColour(to, state) },
      { title: 'SINCE', text: ({ since }) => age(since, now) },
      { title: 'STEP', text: ({ steps }) => standsAt(steps) },
      { title: 'TEMPLATE', text: ({ templateId }) => name(templateId) || '-' },
      { title: 'REPLICA', text: ({ clusterMember }) => clusterMember?.state ?? '-' },
      { title: 'WHY', text: whyLine, colour: ({ waitingOn }) => (waitingOn === WaitingOn.US ? to.warn : to.dim) },
    ],
    to,
    width,
  )
}

const whyLine = ({ reason, waitingOn }: Child): string => {
  const waits = { [WaitingOn.US]: 'waits for us', [WaitingOn.THEM]: 'waits for it' }[waitingOn as number]
  return [reason, waits].filter(Boolean).join('; ') || '-'
}

/** The step that is being taken, and how many are done: create_instance 1/4. */
export function standsAt(steps: readonly SpawnStep[]): string {
  const counted = steps.filter(({ status }) => status !== 'skipped')
  const done = counted.filter(({ status }) => status === 'done')
  const open = counted.find(({ status }) => status === 'failed' || status === 'running' || status === 'pending')
  if (counted.length === 0 || !open) return '-'
  return `${open.name} ${done.length}/${counted.length}`
}

export function childColour(to: Paint, state: ChildState): (text: string) => string {
  switch (state) {
    case ChildState.ACTIVE:
      return to.good
    case ChildState.UNDOING:
      return to.bad
    case ChildState.GONE:
      return to.dim
    default:
      return to.warn
  }
}

/** Where one child stands, and what is to be done: the head of its page, and what every write shows (without names of what it is made of). */
export function standing(child: Child, { now, to, paste }: Canvas, name: SpawnName = () => ''): Fact[] {
  const { state, waitingOn } = child
  return [
    ['child', child.hostname, to.bold],
    ['id', child.id],
    ['mode', word(SpawnMode, child.spawnMode)],
    ['state', word(ChildState, state), childColour(to, state)],
    ['reason', child.reason],
    ['since', child.since ? `${moment(child.since)} UTC, ${age(child.since, now)} ago` : ''],
    ['waiting on', WAITS[waitingOn] ?? '', waitingOn === WaitingOn.US ? to.warn : undefined],
    ['next', paste(child.next), to.bold],
    ['invitation', invitationLine(child, now)],
    ['peer', child.peerId],
    ['made of', [child.templateId, child.instanceTypeId, child.regionId].map(name).filter(Boolean).join(', ')],
    ['reaches us at', child.parentUrl],
    ['routes', child.proposedRoutes.join(', ')],
    ['capabilities', child.proposedCapabilities ? what(child.proposedCapabilities) : ''],
    ['made', child.createdAt ? `${moment(child.createdAt)} UTC by ${child.createdBy}` : ''],
  ]
}

const WAITS: Readonly<Partial<Record<WaitingOn, string>>> = {
  [WaitingOn.US]: 'us',
  [WaitingOn.THEM]: 'the child',
  [WaitingOn.NOBODY]: 'nobody',
}

function invitationLine({ invitationExpiresAt, bootDeadline }: Child, now: Date): string {
  if (!invitationExpiresAt) return ''
  const end = bootDeadline ? `, longer while the boot goes on, at most until ${moment(bootDeadline)} UTC` : ''
  return `good for ${left(invitationExpiresAt, now)}${end}`
}

export const childLines = (child: Child, canvas: Canvas): string => sheet(standing(child, canvas), canvas.to)
