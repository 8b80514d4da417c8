import { durationMs, timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { Alarm as WireAlarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Disclosure as WireDisclosure, Timers } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import type { Notice as WireNotice } from '@powernode/proto/powernode/notice/v1/service_pb.ts'
import { PeerKind, TrustMode, WaitingOn as Waiting, type Peer } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { STATES } from '../feed/watched-peer.ts'
import type { Alarm, Disclosure, Notice, PeerRow, Us, WaitingOn } from '../findings/evidence.ts'

const WAITING: Readonly<Record<Waiting, WaitingOn>> = {
  [Waiting.UNSPECIFIED]: 'nobody',
  [Waiting.US]: 'us',
  [Waiting.THEM]: 'them',
  [Waiting.NOBODY]: 'nobody',
}

/** What others tell us, as plain values: the only place that reads their messages. */
export function peerFrom(peer: Peer): PeerRow {
  const { contractWindow: window } = peer
  return {
    peerId: peer.id,
    name: peer.name,
    kind: peer.kind === PeerKind.SDWAN_ONLY ? 'sdwan_only' : 'platform',
    state: STATES[peer.state] ?? 'unknown', // a state of a later release
    url: peer.url,
    accountId: peer.accountId,
    waitingOn: WAITING[peer.waitingOn] ?? 'nobody',
    next: peer.next,
    // Of two that are not equal one signs for both: we, when nobody signed for us.
    signedByUs: peer.trustMode === TrustMode.HIERARCHICAL && !peer.certificateExpiresAt,
    createdAt: at(peer.createdAt) ?? new Date(0),
    acceptedAt: at(peer.acceptedAt),
    enrolledAt: at(peer.enrolledAt),
    revokedAt: at(peer.revokedAt),
    prefix: peer.prefixAdvertisement,
    extensionSlugs: peer.extensionSlugs,
    capabilities: Object.keys(peer.capabilities ?? {}),
    declaredResidency: peer.dataResidency,
    disclosure: disclosureFrom(peer.disclosure),
    contractVersion: peer.contractVersion,
    contractWindow: window && { min: window.min, max: window.max },
    staleAfterMs: patience(peer.timers),
  }
}

export function usFrom({ platform, contractSha256, timers }: GetPlatformResponse): Us {
  const { min = 1, max = 1 } = platform?.contractWindow ?? {}
  return {
    prefix: platform?.prefixAdvertisement ?? '',
    disclosure: disclosureFrom(platform?.disclosure),
    contractWindow: { min, max },
    contractSha256,
    staleAfterMs: patience(timers),
  }
}

const patience = (timers: Timers | undefined): number => (timers?.staleAfter ? durationMs(timers.staleAfter) : 0)

export const alarmFrom = ({ kind, whose, at: since, detail }: WireAlarm): Alarm => ({
  kind,
  whose: whose === 'ours' ? 'our' : 'their',
  at: at(since) ?? new Date(0),
  detail,
})

export const noticeFrom = (notice: WireNotice): Notice => ({
  id: notice.id,
  kind: notice.kind === 'revocation' ? 'revocation' : 'compromise',
  direction: notice.direction === 'received' ? 'received' : 'sent',
  peerId: notice.peerId,
  discoveredAt: at(notice.discoveredAt),
  receivedAt: at(notice.receivedAt),
  dueAt: at(notice.dueAt),
  lastDeliveredAt: at(notice.lastDeliveredAt),
  owed: notice.owed,
  givenUp: notice.givenUp,
})

function disclosureFrom(said: WireDisclosure | undefined): Disclosure {
  const { contact = '', jurisdiction = '', platformVersion = '', releaseTag = '' } = said ?? {}
  return { contact, jurisdiction, platformVersion, releaseTag }
}

export const at = (moment: Timestamp | undefined): Date | undefined => moment && timestampDate(moment)
