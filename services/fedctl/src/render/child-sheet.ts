import { PeerState, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { ClusterMember } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { ChildView } from '../child-view.ts'
import type { Canvas } from '../output.ts'
import { standing } from './children.ts'
import { instanceFacts } from './instances.ts'
import { stateColour } from './paint.ts'
import { grantLine } from './peer-sheet.ts'
import { missing } from './peer-table.ts'
import { size } from './size.ts'
import { stepTable } from './spawn-steps.ts'
import { sheet, type Fact } from './table.ts'
import { age, left, span } from './time.ts'
import { word } from './words.ts'

/** Everything about one child: where it stands, its steps, its machine, its peering, and what its mode brings. */
export function childSheet(view: ChildView, canvas: Canvas): string {
  const { child, instance, peer, received, name, unavailable } = view
  const { to } = canvas
  const sections: [string, string][] = [
    ['', sheet(standing(child, canvas, name), to)],
    ['Steps', indented(child.steps.length > 0 ? stepTable(child.steps, canvas) : '')],
    ['Instance', instance ? sheet(instanceFacts(instance, canvas, name), to, '  ') : ''],
    ['Peering', peer ? sheet(peering(peer, canvas), to, '  ') : ''],
    ['Replica of our database', child.clusterMember ? sheet(replica(child.clusterMember, canvas), to, '  ') : ''],
    ['What we may do there', received.map((grant) => `  ${grantLine(grant, canvas.now)}`).join('\n')],
  ]
  const shown = sections
    .filter(([, body]) => body !== '')
    .map(([title, body]) => (title ? `${to.bold(title)}\n${body}` : body))
  return [...shown, ...missing(unavailable, to)].join('\n\n')
}

const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ')

function peering(peer: Peer, { to, paste }: Canvas): Fact[] {
  const state = word(PeerState, peer.state)
  return [
    ['state', state, stateColour(to, state)],
    ['reason', peer.reason],
    ['next', paste(peer.next)],
    ['reached at', peer.url],
    ['trust domain', peer.trustDomain],
    ['platform id', peer.platformId],
    ['open items', peer.openItems.map((item) => `- ${item}`).join('\n'), to.warn],
    ['more', paste(`fedctl peer show ${peer.id}`), to.dim],
  ]
}

function replica(member: ClusterMember, { now, to }: Canvas): Fact[] {
  const { replayLagSeconds, observedAt } = member
  return [
    ['state', member.state, REPLICA_COLOURS[member.state]?.(to)],
    ['why', member.reason, to.warn],
    ['behind', observedAt ? `${size(member.replayLagBytes)}, ${span(replayLagSeconds * 1_000)}` : ''],
    ['sent, replayed', [member.sentLsn, member.replayLsn].filter(Boolean).join(', ')],
    ['WAL kept for it', observedAt ? `${size(member.retainedWalBytes)}, ${member.walStatus || 'no slot'}` : ''],
    ['seen', observedAt ? `${age(observedAt, now)} ago` : ''],
    ['slot', member.slotName],
    ['role', member.roleName && `${member.roleName}, ${roleEnd(member, now)}`],
    ['primary', member.primaryAddress],
    ['redis', [member.redisAddress, member.redisStatus].filter(Boolean).join(', ')],
  ]
}

const roleEnd = ({ roleExpiresAt }: ClusterMember, now: Date): string =>
  roleExpiresAt ? `expires in ${left(roleExpiresAt, now)}` : 'without an end'

const REPLICA_COLOURS: Readonly<Record<string, (to: Canvas['to']) => (text: string) => string>> = {
  streaming: (to) => to.good,
  promoted: (to) => to.warn,
  fenced: (to) => to.bad,
  guarded: (to) => to.bad,
  lagging: (to) => to.warn,
}
