import { create, type JsonObject } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { fingerprintOf } from '@powernode/identity'
import { DisclosureSchema } from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  EndpointStatusSchema,
  InvitationSchema,
  PeerSchema,
  PeerState,
  TrustMode,
  type Invitation as WireInvitation,
  type Peer as WirePeer,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { statusOf, type Invitation } from './invitation.ts'
import type { Peer } from './peer.ts'
import { openOffers } from './relationship.ts'
import { standingOf, type Surroundings } from './standing.ts'
import { endpointToWire, timersToWire, windowToWire } from './wire-description.ts'
import { KINDS, SPAWN_MODES, SPAWN_ROLES, STATES, TRUST_MODES, WAITING } from './wire-words.ts'

/** A peer as operators, events and the command line see it. */
export function peerToWire(peer: Peer, around: Surroundings): WirePeer {
  const standing = standingOf(peer, around)
  return create(PeerSchema, {
    ...standing,
    id: peer.id,
    name: peer.name,
    state: STATES[peer.state],
    since: timestampFromDate(peer.since),
    waitingOn: WAITING[standing.waitingOn],
    openItems: [...standing.openItems],
    kind: KINDS[peer.kind],
    spawnMode: SPAWN_MODES[peer.spawnMode],
    spawnRole: SPAWN_ROLES[peer.spawnRole],
    trustMode: peer.trustMode ? TRUST_MODES[peer.trustMode] : TrustMode.UNSPECIFIED,
    url: peer.url,
    platformId: peer.platformId ?? '',
    identityFingerprint: peer.identityKey ? fingerprintOf(peer.identityKey) : '',
    trustDomain: peer.trustDomain ?? '',
    remotePeerId: peer.remotePeerId ?? '',
    previousPeerId: peer.previousPeerId ?? '',
    parentPeerId: peer.parentPeerId ?? '',
    accountId: peer.accountId ?? '',
    remoteAccountId: peer.remoteAccountId ?? '',
    environmentId: peer.environmentId ?? '',
    remoteInstanceId: peer.remoteInstanceId ?? '',
    contractVersion: peer.contractVersion ?? 0,
    features: [...peer.features],
    ...(peer.contractWindow && { contractWindow: windowToWire(peer.contractWindow) }),
    timers: timersToWire(peer.timers),
    disclosure: create(DisclosureSchema, peer.disclosure),
    endpoints: peer.endpoints.map((endpoint) => create(EndpointStatusSchema, { endpoint: endpointToWire(endpoint) })),
    capabilities: peer.capabilities as JsonObject,
    extensionSlugs: [...peer.extensionSlugs],
    prefixAdvertisement: peer.prefixAdvertisement,
    dataResidency: peer.dataResidency,
    metadata: peer.metadata as JsonObject,
    trustBundleSequence: BigInt(peer.trustBundleSequence),
    acknowledgedBundleSequence: BigInt(peer.acknowledgedBundleSequence),
    revision: BigInt(peer.revision),
    adoptionOffered: openOffers(peer).ours ?? '',
    adoptionOfferedByPeer: openOffers(peer).theirs ?? '',
    versionStatus: peer.versionStatus,
    refusedKinds: [...peer.refusedKinds],
    suspendedFrom: peer.suspendedFrom ? STATES[peer.suspendedFrom] : PeerState.UNSPECIFIED,
    ...stamps({
      certificateExpiresAt: peer.certificateExpiresAt,
      createdAt: peer.createdAt,
      updatedAt: peer.updatedAt,
      acceptedAt: peer.acceptedAt,
      enrolledAt: peer.enrolledAt,
      revokedAt: peer.revokedAt,
      notifiedAt: peer.notifiedAt,
    }),
  })
}

export function invitationToWire(invitation: Invitation, now: Date): WireInvitation {
  return create(InvitationSchema, {
    id: invitation.id,
    peerId: invitation.peerId,
    name: invitation.name,
    note: invitation.note,
    status: statusOf(invitation, now),
    createdBy: invitation.createdBy,
    redeemedBy: invitation.redeemedBy ? fingerprintOf(invitation.redeemedBy) : '',
    ...stamps({
      createdAt: invitation.createdAt,
      expiresAt: invitation.expiresAt,
      redeemedAt: invitation.redeemedAt,
      revokedAt: invitation.revokedAt,
    }),
  })
}

/** The fields that have a date, as timestamps; the others stay unset. */
export function stamps<Key extends string>(dates: Readonly<Record<Key, Date | null>>) {
  const set = Object.entries<Date | null>(dates).flatMap(([key, date]) =>
    date ? [[key, timestampFromDate(date)]] : [],
  )
  return Object.fromEntries(set) as { [K in Key]?: ReturnType<typeof timestampFromDate> }
}
