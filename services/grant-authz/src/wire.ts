import { create } from '@bufbuild/protobuf'
import { durationFromMs, timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  CapabilitySchema,
  GrantSchema,
  GrantSettingsSchema,
  NetworkBridgeSchema,
  type Capability as WireCapability,
  type Grant as WireGrant,
  type GrantSettings as WireSettings,
  type NetworkBridge as WireBridge,
} from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Bridge } from './bridge.ts'
import type { Capability } from './capability.ts'
import { statusAt, type Grant } from './grant.ts'
import { receivedStatusAt, type ReceivedGrant } from './received-grant.ts'
import type { Settings } from './settings.ts'

/** A grant as answers and events carry it, without its secret. Its status is that of the moment it is said. */
export function grantToWire(grant: Grant, now: Date): WireGrant {
  return create(GrantSchema, {
    id: grant.id,
    peerId: grant.peerId,
    remoteSubject: grant.remoteSubject,
    resourceKind: grant.resourceKind,
    resourceId: grant.resourceId,
    scopes: [...grant.scopes],
    nodeInstanceIds: [...grant.nodeInstanceIds],
    sdwanNetworkIds: [...grant.sdwanNetworkIds],
    sourceCidrs: [...grant.sourceCidrs],
    boundIdentities: [...grant.boundIdentities],
    issuedAt: timestampFromDate(grant.issuedAt),
    expiresAt: timestampFromDate(grant.expiresAt),
    ...at('revokedAt', grant.revokedAt),
    revocationReason: grant.revocationReason,
    status: statusAt(grant, now),
    issuedBy: grant.issuedBy,
    ...at('archivedAt', grant.archivedAt),
    metadata: grant.revokedBy ? { ...grant.metadata, revoked_by: grant.revokedBy } : grant.metadata,
    revision: BigInt(grant.revision),
    ...at('remindedAt', grant.remindedAt),
    ...at('deliveredAt', grant.deliveredAt),
    lastChangedAt: timestampFromDate(grant.lastChangedAt),
  })
}

/** A grant that a peer gave to us, as lists show it: without its bearer. */
export function receivedToWire(grant: ReceivedGrant, now: Date): WireGrant {
  return create(GrantSchema, {
    id: grant.grantId,
    peerId: grant.peerId,
    remoteSubject: grant.remoteSubject,
    resourceKind: grant.resourceKind,
    resourceId: grant.resourceId,
    scopes: [...grant.scopes],
    issuedAt: timestampFromDate(grant.issuedAt),
    expiresAt: timestampFromDate(grant.expiresAt),
    ...at('revokedAt', grant.revokedAt),
    revocationReason: grant.revocationReason,
    status: receivedStatusAt(grant, now),
    issuedBy: `peer/${grant.peerId}`,
    revision: BigInt(grant.revision),
    ...at('remindedAt', grant.remindedAt),
    ...(grant.sealedBearer && { deliveredAt: timestampFromDate(grant.receivedAt) }),
    lastChangedAt: timestampFromDate(grant.lastChangedAt),
  })
}

export function bridgeToWire(bridge: Bridge): WireBridge {
  return create(NetworkBridgeSchema, {
    id: bridge.id,
    peerId: bridge.peerId,
    sdwanNetworkId: bridge.sdwanNetworkId,
    state: bridge.state,
    proposedAt: timestampFromDate(bridge.proposedAt),
    ...at('activatedAt', bridge.activatedAt),
    ...at('suspendedAt', bridge.suspendedAt),
    ...at('revokedAt', bridge.revokedAt),
    revocationReason: bridge.revocationReason,
    metadata: bridge.metadata,
    revision: BigInt(bridge.revision),
  })
}

export function capabilityToWire(capability: Capability): WireCapability {
  return create(CapabilitySchema, { ...capability, setAt: timestampFromDate(capability.setAt) })
}

export function settingsToWire(settings: Settings): WireSettings {
  return create(GrantSettingsSchema, {
    defaultTtl: durationFromMs(settings.defaultTtlMs),
    managedChildTtl: durationFromMs(settings.managedChildTtlMs),
    longestTtl: durationFromMs(settings.longestTtlMs),
    strictAxes: settings.strictAxes,
    remindBefore: durationFromMs(settings.remindBeforeMs),
    operatorGrant: settings.operatorGrant,
    operatorGrantScopes: [...settings.operatorGrantScopes],
    revision: BigInt(settings.revision),
  })
}

function at<Name extends string>(name: Name, moment: Date | null) {
  return moment ? ({ [name]: timestampFromDate(moment) } as Record<Name, ReturnType<typeof timestampFromDate>>) : {} // the one key above
}
