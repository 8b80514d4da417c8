import type { DecisionRecord } from './decision-record.ts'

/** A decision about a call of a peer, as a test wants it. */
export function aDecision(said: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    id: '01930000-0000-7000-8000-000000000001',
    peerId: '01930000-0000-7000-8000-0000000000aa',
    direction: 'in',
    atMs: Date.UTC(2026, 2, 1, 12),
    allowed: true,
    reason: 'ALLOWED',
    axis: '',
    detail: '',
    rpc: 'GetResource',
    resourceKind: 'NodeModule',
    resourceId: 'm-1',
    scope: 'read',
    nodeInstanceId: '',
    sdwanNetworkId: '',
    sourceAddress: '',
    grantId: '',
    dataClass: '',
    resourceRegion: '',
    destinationRegion: '',
    residencyMode: '',
    residencyRuleId: '',
    advised: false,
    overrideId: '',
    requestId: '',
    traceparent: '',
    policyEpoch: 0n,
    remoteDecisionId: '',
    ...said,
  }
}
