import { create } from '@bufbuild/protobuf'
import {
  DifferenceSchema,
  ReconcileSummarySchema,
  type Difference as WireDifference,
  type ReconcileSummary,
} from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Counts, Difference } from './comparison.ts'

export function summaryToWire(compared: {
  readonly counts: Counts
  readonly heldSize: number
  readonly witnessedSize: number
}): ReconcileSummary {
  const { counts, heldSize, witnessedSize } = compared
  return create(ReconcileSummarySchema, {
    matched: BigInt(counts.matched),
    missingHere: BigInt(counts.missing_here),
    missingThere: BigInt(counts.missing_there),
    differing: BigInt(counts.differing),
    repeated: BigInt(counts.repeated),
    pending: BigInt(counts.pending),
    unsent: BigInt(counts.unsent),
    uncompared: BigInt(counts.uncompared),
    heldSize: BigInt(heldSize),
    witnessedSize: BigInt(witnessedSize),
  })
}

export function differenceToWire({ kind, contentId, sequence, remoteSequence, detail }: Difference): WireDifference {
  return create(DifferenceSchema, {
    kind,
    contentId,
    detail,
    ...(sequence !== undefined && { sequence: BigInt(sequence) }),
    ...(remoteSequence !== undefined && { remoteSequence: BigInt(remoteSequence) }),
  })
}
