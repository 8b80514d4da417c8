import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { GrantSchema, type Grant as WireGrant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { statusAt, type Grant } from './grant.ts'

/** A grant as answers and events carry it. Its status is that of the moment it is said. */
export function toWire(grant: Grant, now: Date): WireGrant {
  const { issuedAt, expiresAt, revokedAt, resourceId, scopes, nodeInstanceIds, sdwanNetworkIds, sourceCidrs } = grant
  const { id, peerId, remoteSubject, resourceKind, revocationReason, issuedBy } = grant
  return create(GrantSchema, {
    id,
    peerId,
    remoteSubject,
    resourceKind,
    revocationReason,
    issuedBy,
    resourceId: resourceId ?? '',
    scopes: [...scopes],
    nodeInstanceIds: [...nodeInstanceIds],
    sdwanNetworkIds: [...sdwanNetworkIds],
    sourceCidrs: [...sourceCidrs],
    issuedAt: timestampFromDate(issuedAt),
    expiresAt: timestampFromDate(expiresAt),
    ...(revokedAt && { revokedAt: timestampFromDate(revokedAt) }),
    status: statusAt(grant, now),
  })
}
