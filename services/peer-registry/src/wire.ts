import { create, type JsonObject } from '@bufbuild/protobuf'
import { durationFromMs, durationMs, timestampFromDate, type Duration } from '@bufbuild/protobuf/wkt'
import { fingerprintOf } from '@powernode/identity'
import {
  ContractWindowSchema,
  DisclosureSchema,
  EndpointSchema,
  EndpointScope,
  PlatformDescriptionSchema,
  TimersSchema,
  type ContractWindow as WireWindow,
  type Endpoint as WireEndpoint,
  type PlatformDescription,
  type Timers as WireTimers,
} from '@powernode/proto/powernode/federation/v1/platform_pb.ts'
import {
  EndpointStatusSchema,
  InvitationSchema,
  PeerKind,
  PeerSchema,
  PeerState,
  SpawnMode,
  SpawnRole,
  TrustMode,
  WaitingOn,
  type Invitation as WireInvitation,
  type Peer as WirePeer,
} from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { ContractWindow } from './contract.ts'
import { NOTHING_DISCLOSED, type Description, type Endpoint, type Scope } from './description.ts'
import { statusOf, type Invitation } from './invitation.ts'
import type { Peer, Timers } from './peer.ts'
import type { Us } from './platform.ts'
import { openOffers } from './relationship.ts'
import { standingOf, type Surroundings } from './standing.ts'
import { checkPeerUrl } from './url.ts'

/** Every word of ours and the number it has on the wire: the only place that knows both. */
export const STATES = {
  proposed: PeerState.PROPOSED,
  accepted: PeerState.ACCEPTED,
  enrolled: PeerState.ENROLLED,
  active: PeerState.ACTIVE,
  degraded: PeerState.DEGRADED,
  suspended: PeerState.SUSPENDED,
  revoked: PeerState.REVOKED,
} as const satisfies Record<Peer['state'], PeerState>
export const KINDS = {
  platform: PeerKind.PLATFORM,
  sdwan_only: PeerKind.SDWAN_ONLY,
} as const satisfies Record<Peer['kind'], PeerKind>
export const SPAWN_MODES = {
  managed_child: SpawnMode.MANAGED_CHILD,
  autonomous_peer: SpawnMode.AUTONOMOUS_PEER,
  cluster_member: SpawnMode.CLUSTER_MEMBER,
  out_of_band: SpawnMode.OUT_OF_BAND,
} as const satisfies Record<Peer['spawnMode'], SpawnMode>
export const SPAWN_ROLES = {
  parent: SpawnRole.PARENT,
  child: SpawnRole.CHILD,
  symmetric: SpawnRole.SYMMETRIC,
} as const satisfies Record<Peer['spawnRole'], SpawnRole>
export const TRUST_MODES = {
  symmetric: TrustMode.SYMMETRIC,
  hierarchical: TrustMode.HIERARCHICAL,
} as const satisfies Record<NonNullable<Peer['trustMode']>, TrustMode>
const WAITING = { us: WaitingOn.US, them: WaitingOn.THEM, nobody: WaitingOn.NOBODY } as const
const SCOPES = {
  lan: EndpointScope.LAN,
  sdwan: EndpointScope.SDWAN,
  wan: EndpointScope.WAN,
} as const satisfies Record<Scope, EndpointScope>

/** The word of a number from the wire; undefined for UNSPECIFIED and for numbers of a later contract. */
export function wordOf<Word extends string>(table: Readonly<Record<Word, number>>, number: number): Word | undefined {
  return (Object.keys(table) as Word[]).find((word) => table[word] === number)
}

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

/** What we say of ourselves. */
export function descriptionOf({ platformId, trustDomain, key, self }: Us): PlatformDescription {
  return create(PlatformDescriptionSchema, {
    platformId,
    identityKey: key.publicKey,
    trustDomain,
    name: self.name,
    disclosure: create(DisclosureSchema, self.disclosure),
    contractWindow: windowToWire(self.window),
    endpoints: self.endpoints.map(endpointToWire),
    capabilities: self.capabilities as JsonObject,
    extensionSlugs: [...self.extensionSlugs],
    prefixAdvertisement: self.prefixAdvertisement,
    dataResidency: self.dataResidency,
  })
}

/** What they say of themselves, as we keep it. */
export function descriptionFromWire(said: PlatformDescription): Description {
  const { contact, jurisdiction, platformVersion, releaseTag } = said.disclosure ?? NOTHING_DISCLOSED
  return {
    disclosure: { contact, jurisdiction, platformVersion, releaseTag },
    endpoints: said.endpoints.flatMap(endpointFromWire).toSorted((a, b) => a.priority - b.priority),
    capabilities: said.capabilities ?? {},
    extensionSlugs: said.extensionSlugs.toSorted(),
    prefixAdvertisement: said.prefixAdvertisement,
    dataResidency: said.dataResidency,
  }
}

export const windowToWire = ({ min, max, features }: ContractWindow): WireWindow =>
  create(ContractWindowSchema, { min, max, features: [...features] })

export const windowFromWire = (said: WireWindow | undefined): ContractWindow | undefined =>
  said && { min: said.min, max: said.max, features: said.features }

export const endpointToWire = ({ url, scope, priority, cidrHint }: Endpoint): WireEndpoint =>
  create(EndpointSchema, { url, scope: SCOPES[scope], priority, cidrHint })

function endpointFromWire({ url, scope, priority, cidrHint }: WireEndpoint): Endpoint[] {
  const word = wordOf(SCOPES, scope)
  return word ? [{ url: checkPeerUrl(url), scope: word, priority, cidrHint }] : []
}

export const timersToWire = ({ heartbeatIntervalMs, staleAfterMs }: Timers): WireTimers =>
  create(TimersSchema, {
    heartbeatInterval: durationFromMs(heartbeatIntervalMs),
    staleAfter: durationFromMs(staleAfterMs),
  })

export function timersFromWire(said: WireTimers | undefined): Timers | undefined {
  if (!said?.heartbeatInterval || !said.staleAfter) return undefined
  return { heartbeatIntervalMs: durationMs(said.heartbeatInterval), staleAfterMs: durationMs(said.staleAfter) }
}

export const msOf = (duration: Duration | undefined): number | undefined => duration && durationMs(duration)
