import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { AccessRequest, ResidencyVerdict, Verdict } from '@powernode/policy'
import { traceparentOf, type Trace } from '@powernode/rpc'
import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'

/** What a decision was about, and when. */
export type Occasion = {
  readonly id: string
  readonly atMs: number
  readonly rpc: string
  readonly requestId: string
  readonly trace: Trace
  readonly policyEpoch: bigint
  readonly dataClass: string
  readonly overrideId: string
}

/**
 * The record of a call of a peer. There is no bearer in it, and nothing of the answer.
 *
 * A whole message, so that none has to be made of it field by field: every call has one of these.
 */
export function decisionIn(occasion: Occasion, request: AccessRequest, verdict: Verdict): Decision {
  const { residency } = verdict
  return {
    $typeName: 'powernode.decision.v1.Decision',
    id: occasion.id,
    direction: 'in',
    peerId: request.peerId,
    at: timestampOf(occasion.atMs),
    allowed: verdict.allowed,
    reason: verdict.reason,
    axis: verdict.axis,
    detail: verdict.detail,
    rpc: occasion.rpc,
    resourceKind: request.kind,
    resourceId: request.id,
    scope: request.scope,
    nodeInstanceId: request.nodeInstanceId,
    sdwanNetworkId: request.sdwanNetworkId,
    sourceAddress: request.sourceAddress,
    grantId: verdict.grantId,
    dataClass: residency ? occasion.dataClass : '',
    resourceRegion: residency?.resourceRegion ?? '',
    destinationRegion: residency?.destination ?? '',
    residencyMode: residency?.mode ?? '',
    residencyRuleId: residency?.ruleId ?? '',
    advised: residency?.advised ?? false,
    overrideId: occasion.overrideId,
    requestId: occasion.requestId,
    traceparent: traceparentOf(occasion.trace),
    policyEpoch: occasion.policyEpoch,
    remoteDecisionId: '',
  }
}

function timestampOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000)
  return {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: (ms - seconds * 1_000) * 1_000_000,
  }
}

/** What residency had to say, in the words of a decision. */
export function residencyFields(residency: ResidencyVerdict, dataClass: string) {
  return {
    dataClass,
    resourceRegion: residency.resourceRegion,
    destinationRegion: residency.destination,
    residencyMode: residency.mode,
    residencyRuleId: residency.ruleId,
    advised: residency.advised,
  }
}
