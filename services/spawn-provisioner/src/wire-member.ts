import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { ClusterMemberSchema, type ClusterMember } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Member } from './member.ts'

/** A replica as operators, events and the command line see it. */
export const memberToWire = (member: Member): ClusterMember =>
  create(ClusterMemberSchema, {
    slotName: member.slotName,
    roleName: member.roleName,
    state: member.state,
    primaryAddress: member.primaryAddress,
    ...(member.roleExpiresAt && { roleExpiresAt: timestampFromDate(member.roleExpiresAt) }),
    walStatus: member.walStatus,
    replayLagBytes: BigInt(member.replayLagBytes ?? 0),
    retainedWalBytes: BigInt(Math.max(member.retainedWalBytes ?? 0, 0)),
    replayLagSeconds: member.replayLagSeconds ?? 0,
    sentLsn: member.sentLsn,
    replayLsn: member.replayLsn,
    ...(member.observedAt && { observedAt: timestampFromDate(member.observedAt) }),
    redisAddress: member.redisAddress,
    redisStatus: member.redisStatus,
    reason: member.claim || member.reason,
  })
