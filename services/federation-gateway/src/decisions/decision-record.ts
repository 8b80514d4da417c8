import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { AccessRequest, ResidencyVerdict, Verdict } from '@powernode/policy'
import { traceparentOf, type Trace } from '@powernode/rpc'
import type { DecisionInit } from './decisions.ts'

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

/** The record of a call of a peer. There is no bearer in it, and nothing of the answer. */
export function decisionIn(occasion: Occasion, request: AccessRequest, verdict: Verdict): DecisionInit {
  return {
    id: occasion.id,
    direction: 'in',
    peerId: request.peerId,
    at: timestampFromMs(occasion.atMs),
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
    ...(verdict.residency && residencyFields(verdict.residency, occasion.dataClass)),
    overrideId: occasion.overrideId,
    requestId: occasion.requestId,
    traceparent: traceparentOf(occasion.trace),
    policyEpoch: occasion.policyEpoch,
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
