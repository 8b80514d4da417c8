import {
  PeerKind,
  PeerState,
  SpawnMode,
  SpawnRole,
  TrustMode,
  WaitingOn,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Approval } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import type { NetworkBridge } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Residency } from '@powernode/proto/powernode/residency/v1/service_pb.ts'
import { durationMs } from '@bufbuild/protobuf/wkt'
import type { Canvas } from '../output.ts'
import type { PeerView } from '../peer-view.ts'
import { harmless, stateColour } from './paint.ts'
import { missing } from './peer-table.ts'
import { sheet, type Fact } from './table.ts'
import { age, left, moment, rtt, span } from './time.ts'
import { word } from './words.ts'

/** Everything about one peer, what matters most on top. */
export function peerSheet(view: PeerView, canvas: Canvas): string {
  const { to, now } = canvas
  const { peer, grants, events, dealings } = view
  const sections: [string, string][] = [
    ['', sheet(standing(view, canvas), to)],
    ['Heartbeats', sheet(heartbeats(view, canvas), to, '  ')],
    ['Who they are', sheet(identity(view), to, '  ')],
    ['Trust and contract', sheet(trust(view, canvas), to, '  ')],
    ['Endpoints', peer.endpoints.map((line) => `  ${endpointLine(line)}`).join('\n')],
    ['Grants we gave', grants.map((grant) => `  ${grantLine(grant, now)}`).join('\n')],
    ['Grants they gave us', (dealings?.received ?? []).map((grant) => `  ${grantLine(grant, now)}`).join('\n')],
    ['Networks we meet on', (dealings?.bridges ?? []).map((bridge) => `  ${bridgeLine(bridge)}`).join('\n')],
    [
      'Waiting for approval',
      (dealings?.approvals ?? []).map((approval) => `  ${approvalLine(approval, canvas)}`).join('\n'),
    ],
    ['Timeline', events.map((event) => `  ${eventLine(event)}`).join('\n')],
  ]
  const shown = sections
    .filter(([, body]) => body !== '')
    .map(([title, body]) => (title ? `${to.bold(title)}\n${body}` : body))
  return [...shown, ...missing(view.unavailable, to)].join('\n\n')
}

function standing({ peer, dealings, compromises = [] }: PeerView, { now, to, paste }: Canvas): Fact[] {
  const state = word(PeerState, peer.state)
  const before = word(PeerState, peer.suspendedFrom)
  return [
    ['peer', peer.name || peer.id, to.bold],
    ['id', peer.id],
    ['state', `${state}${before ? ` (was ${before})` : ''}`, stateColour(to, state)],
    ['reason', peer.reason],
    [
      'compromised',
      compromises.map(({ id, summary, declaredAt }) => `${summary}, it said ${age(declaredAt, now)} ago; ${paste(`fedctl notice show ${id}`)}`).join('\n'), // prettier-ignore
      to.bad,
    ],
    ['since', peer.since ? `${moment(peer.since)} UTC, ${age(peer.since, now)} ago` : ''],
    ['waiting on', word(WaitingOn, peer.waitingOn), peer.waitingOn === WaitingOn.US ? to.warn : undefined],
    ['next', paste(peer.next), to.bold],
    ['data stays in', residencyLine(dealings?.residency), to.warn],
    ['open items', peer.openItems.map((item) => `- ${item}`).join('\n'), to.warn],
  ]
}

function heartbeats({ freshness }: PeerView, { now, to }: Canvas): Fact[] {
  if (!freshness) return []
  const { hearing } = freshness
  return [
    ['hearing', HEARING[hearing] ?? hearing, hearing === 'both' ? to.good : hearing === 'never' ? to.dim : to.bad],
    ['we heard them', freshness.lastHeardAt ? `${age(freshness.lastHeardAt, now)} ago` : ''],
    ['they heard us', freshness.lastHeardByThemAt ? `${age(freshness.lastHeardByThemAt, now)} ago` : ''],
    ['round trip', rtt(freshness.roundTrip)],
    ['clock offset', rtt(freshness.clockOffset)],
    ['epoch', freshness.epoch > 0n ? `${freshness.epoch}, beat ${freshness.sequence}` : ''],
    [
      'failures',
      freshness.consecutiveFailures > 0 ? `${freshness.consecutiveFailures} in a row: ${freshness.lastError}` : '',
      to.bad,
    ],
    ['restored', freshness.restoredAt ? `from a backup, seen at ${moment(freshness.restoredAt)} UTC` : '', to.warn],
  ]
}

const HEARING: Readonly<Record<string, string>> = {
  both: 'both ways',
  we_hear_them: 'we hear them, they do not hear us',
  they_hear_us: 'they hear us, we do not hear them',
  neither: 'neither hears the other',
  never: 'nothing heard yet',
}

function identity({ peer }: PeerView): Fact[] {
  return [
    ['url', peer.url],
    ['platform id', peer.platformId],
    ['identity key', peer.identityFingerprint && `sha256 ${peer.identityFingerprint}`],
    ['trust domain', peer.trustDomain],
    ['kind', word(PeerKind, peer.kind)],
    ['we are', [word(SpawnRole, peer.spawnRole), word(SpawnMode, peer.spawnMode)].filter(Boolean).join(', ')],
    ['contact', peer.disclosure?.contact ?? ''],
    ['jurisdiction', peer.disclosure?.jurisdiction ?? ''],
    [
      'version',
      [peer.disclosure?.platformVersion, peer.disclosure?.releaseTag, peer.versionStatus].filter(Boolean).join(', '),
    ],
    ['data residency', peer.dataResidency],
    ['prefix', peer.prefixAdvertisement],
    ['extensions', peer.extensionSlugs.join(', ')],
    ['their id of us', peer.remotePeerId],
    ['replaces', peer.previousPeerId],
  ]
}

function trust({ peer, shownUntil, certificates }: PeerView, { now }: Canvas): Fact[] {
  const { contractWindow: theirs, timers } = peer
  return [
    ['trust', word(TrustMode, peer.trustMode)],
    ['their bundle', peer.trustBundleSequence > 0n ? `sequence ${peer.trustBundleSequence}` : ''],
    [
      'our bundle',
      peer.acknowledgedBundleSequence > 0n ? `receipted to sequence ${peer.acknowledgedBundleSequence}` : '',
    ],
    ['certificate we show', shownUntil ? `expires in ${left(shownUntil, now)}` : ''],
    [
      'certificates we signed',
      certificates.map(({ serial, notAfter }) => `${serial}, expires in ${left(notAfter, now)}`).join('\n'),
    ],
    [
      'contract',
      peer.contractVersion > 0
        ? `version ${peer.contractVersion}${theirs ? ` (they speak ${theirs.min} to ${theirs.max})` : ''}`
        : '',
    ],
    ['features', peer.features.join(', ')],
    [
      'heartbeat',
      timers?.heartbeatInterval && timers.staleAfter
        ? `every ${span(durationMs(timers.heartbeatInterval))}, stale after ${span(durationMs(timers.staleAfter))}`
        : '',
    ],
    ['accepted', peer.acceptedAt ? `${moment(peer.acceptedAt)} UTC` : ''],
    ['enrolled', peer.enrolledAt ? `${moment(peer.enrolledAt)} UTC` : ''],
    [
      'revoked',
      peer.revokedAt
        ? `${moment(peer.revokedAt)} UTC, ${peer.notifiedAt ? 'they were told' : 'they were not told yet'}`
        : '',
    ],
  ]
}

function endpointLine({ endpoint, status, lastFailureError }: PeerView['peer']['endpoints'][number]): string {
  return harmless(`${endpoint?.url ?? ''}  ${status}${lastFailureError ? `: ${lastFailureError}` : ''}`)
}

export function grantLine(grant: PeerView['grants'][number], now: Date): string {
  const scopes = grant.scopes.join(',')
  return harmless(
    `${grant.resourceKind || '*'}/${grant.resourceId || '*'}  ${scopes}  ${grant.remoteSubject}  expires in ${left(grant.expiresAt, now)}`,
  )
}

const bridgeLine = ({ sdwanNetworkId, state }: NetworkBridge): string => harmless(`${sdwanNetworkId}  ${state}`)

const approvalLine = ({ id, summary, requestedBy }: Approval, { paste }: Canvas): string =>
  `${harmless(`${summary}, asked for by ${requestedBy}`)}; ${paste(`fedctl approval show ${id}`)}`

const residencyLine = (residency: Residency | undefined): string =>
  residency?.dataResidency ? `${residency.dataResidency} (${residency.mode || 'enforce'})` : ''

const eventLine = (event: PeerView['events'][number]): string =>
  harmless(`${moment(event.at)}  ${event.kind.padEnd(36)}  ${event.actor}`)
