import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  CommitmentSchema,
  FindingSchema,
  type Commitment as WireCommitment,
  type Finding as WireFinding,
} from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Commitment, Result } from './findings/commitments.ts'
import type { Finding } from './findings/finding.ts'

/** A finding as operators, listeners and the command line see it. */
export const findingToWire = (finding: Finding): WireFinding =>
  create(FindingSchema, {
    id: finding.id,
    kind: finding.kind,
    severity: finding.severity,
    peerId: finding.peerId,
    about: finding.about,
    message: finding.message,
    remedy: finding.remedy,
    waitingOn: finding.waitingOn,
    payload: finding.payload,
    openedAt: timestampFromDate(finding.openedAt),
    updatedAt: timestampFromDate(finding.updatedAt),
    ...(finding.closedAt && { closedAt: timestampFromDate(finding.closedAt) }),
    acknowledgedBy: finding.acknowledgedBy,
    ...(finding.acknowledgedAt && { acknowledgedAt: timestampFromDate(finding.acknowledgedAt) }),
    note: finding.note,
    ...(finding.missingSince && !finding.closedAt && { missingSince: timestampFromDate(finding.missingSince) }),
  })

/** A commitment and how it stands: to all peers, or to the one that was asked about. */
export const commitmentToWire = (
  { number, name, checked }: Commitment,
  { result, detail, checkedAt, peerIds }: StandingTo,
): WireCommitment =>
  create(CommitmentSchema, {
    number,
    name,
    checked,
    result,
    detail,
    peerIds: [...peerIds],
    ...(checkedAt && { checkedAt: timestampFromDate(checkedAt) }),
  })

export type StandingTo = {
  readonly result: Result
  readonly detail: string
  /** Undefined: never. */
  readonly checkedAt: Date | undefined
  readonly peerIds: readonly string[]
}
