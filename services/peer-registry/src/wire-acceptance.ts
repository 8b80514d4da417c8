import { create, fromBinary, type JsonObject } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  AcceptanceRunSchema,
  AcceptanceStepSchema,
  NodeEnrollmentResultSchema,
  RunAcceptanceRequestSchema,
  type AcceptanceRun as WireRun,
} from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import {
  warningsOf,
  type AcceptanceRun,
  type AcceptanceStep,
  type GovernanceBrought,
  type NodeEnrollmentBrought,
} from './acceptance-run.ts'
import { stamps } from './wire.ts'
import { trustModeOf } from './wire-words.ts'

/** A run as operators see it, with its result in the words of the source documents. */
export function acceptanceToWire(run: AcceptanceRun): WireRun {
  const { id, state, requestedBy, startedAt, finishedAt, sdwanAttach, governance, nodeEnrollment } = run
  return create(AcceptanceRunSchema, {
    id,
    state,
    requestedBy,
    ...stamps({ startedAt, finishedAt }),
    steps: run.steps.map(stepToWire),
    peerId: run.peerId ?? '',
    contractVersionAgreed: run.contractVersionAgreed,
    ...(nodeEnrollment && { nodeEnrollment: enrollmentToWire(nodeEnrollment) }),
    ...(sdwanAttach && { sdwanAttach: { ...sdwanAttach } }),
    ...(governance && { governance: governanceToWire(governance) }),
    warnings: warningsOf(run),
    failure: run.failureReason ? `${run.failureReason}: ${run.failureMessage}` : '',
    next: run.next,
    trustMode: trustModeOf(fromBinary(RunAcceptanceRequestSchema, run.request)),
  })
}

const stepToWire = ({ name, hard, status, detail, attempts, finishedAt }: AcceptanceStep) =>
  create(AcceptanceStepSchema, {
    name,
    hard,
    status,
    detail,
    attempts,
    ...(finishedAt && { finishedAt: timestampFromDate(new Date(finishedAt)) }),
  })

const enrollmentToWire = ({ status, reason, intendedSubject, expiresAt }: NodeEnrollmentBrought) =>
  create(NodeEnrollmentResultSchema, {
    status,
    reason,
    intendedSubject,
    ...(expiresAt && { expiresAt: timestampFromDate(new Date(expiresAt)) }),
  })

const governanceToWire = ({ status, reason, findings }: GovernanceBrought): JsonObject => ({
  status,
  ...(reason !== undefined && { reason }),
  peer_finding_count: findings.length,
  peer_findings: findings.map((finding) => ({ ...finding })),
})
