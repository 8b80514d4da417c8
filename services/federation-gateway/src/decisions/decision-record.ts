import type { AccessRequest, ResidencyVerdict, Verdict } from '@powernode/policy'
import { traceparentOf, type Trace } from '@powernode/rpc'

/** What was decided about one call: decision.proto says what each field means. Empty is absent. */
export type DecisionRecord = {
  readonly id: string
  readonly peerId: string
  readonly direction: 'in' | 'out'
  readonly atMs: number
  readonly allowed: boolean
  readonly reason: string
  readonly axis: string
  readonly detail: string
  readonly rpc: string
  readonly resourceKind: string
  readonly resourceId: string
  readonly scope: string
  readonly nodeInstanceId: string
  readonly sdwanNetworkId: string
  readonly sourceAddress: string
  readonly grantId: string
  readonly dataClass: string
  readonly resourceRegion: string
  readonly destinationRegion: string
  readonly residencyMode: string
  readonly residencyRuleId: string
  readonly advised: boolean
  readonly overrideId: string
  readonly requestId: string
  readonly traceparent: string
  readonly policyEpoch: bigint
  readonly remoteDecisionId: string
}

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
export function decisionIn(occasion: Occasion, request: AccessRequest, verdict: Verdict): DecisionRecord {
  const { residency } = verdict
  return {
    id: occasion.id,
    direction: 'in',
    peerId: request.peerId,
    atMs: occasion.atMs,
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
