import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { DecisionSchema, type Decision as WireDecision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { Refusal } from '@powernode/rpc'
import { isId, type Decision } from '../decision.ts'

/**
 * A decision as the gateway tells it.
 *
 * Texts in it come from peers. What a text in Postgres cannot hold is replaced, because a refused row would be refused
 * together with the decisions of everybody else in its batch.
 */
export function decisionFromWire(wire: WireDecision): Decision {
  const { at, direction, remoteDecisionId } = wire
  if (!isId(wire.id) || !at || !isStorable(at, wire.policyEpoch) || (direction !== 'in' && direction !== 'out'))
    throw new Refusal('REQUEST_INVALID', 'a decision has an id, a moment, an epoch and a direction')
  if (wire.allowed !== (wire.reason === 'ALLOWED'))
    throw new Refusal('REQUEST_INVALID', 'a decision has the reason ALLOWED when it allows, and only then')
  return {
    id: wire.id,
    peerId: storable(wire.peerId),
    direction,
    at: timestampDate(at),
    allowed: wire.allowed,
    reason: storable(wire.reason),
    axis: storable(wire.axis),
    detail: storable(wire.detail),
    rpc: storable(wire.rpc),
    resourceKind: storable(wire.resourceKind),
    resourceId: storable(wire.resourceId),
    scope: storable(wire.scope),
    nodeInstanceId: storable(wire.nodeInstanceId),
    sdwanNetworkId: storable(wire.sdwanNetworkId),
    sourceAddress: storable(wire.sourceAddress),
    grantId: storable(wire.grantId),
    dataClass: storable(wire.dataClass),
    resourceRegion: storable(wire.resourceRegion),
    destinationRegion: storable(wire.destinationRegion),
    residencyMode: storable(wire.residencyMode),
    residencyRuleId: storable(wire.residencyRuleId),
    advised: wire.advised,
    overrideId: storable(wire.overrideId),
    requestId: storable(wire.requestId),
    traceparent: storable(wire.traceparent),
    policyEpoch: Number(wire.policyEpoch),
    remoteDecisionId: isId(remoteDecisionId) ? remoteDecisionId : null,
  }
}

/** Numbers beyond these the database would refuse, and with them the decisions of all gateways in the same batch. */
function isStorable({ seconds }: Timestamp, epoch: bigint): boolean {
  return seconds >= 0n && seconds < LAST_SECOND && epoch >= 0n && epoch <= BigInt(Number.MAX_SAFE_INTEGER)
}
const LAST_SECOND = 253_402_300_800n // the end of the year 9999, as for every Timestamp

export function decisionToWire(decision: Decision): WireDecision {
  const { at, policyEpoch, remoteDecisionId, ...said } = decision
  const init: MessageInitShape<typeof DecisionSchema> = {
    ...said,
    at: timestampFromDate(at),
    policyEpoch: BigInt(policyEpoch),
    remoteDecisionId: remoteDecisionId ?? '',
  }
  return create(DecisionSchema, init)
}

function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u{fffd}') : text
}

/** Where the next page begins: opaque to callers, so that it may mean something else one day. */
export function pageToken({ at, id }: Pick<Decision, 'at' | 'id'>): string {
  return Buffer.from(`${at.getTime()} ${id}`).toString('base64url')
}

export function readPageToken(token: string): { readonly at: Date; readonly id: string } | undefined {
  if (token === '') return undefined
  const [ms = '', id = ''] = Buffer.from(token, 'base64url').toString().split(' ')
  if (!/^\d{1,15}$/.test(ms) || !isId(id))
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is none of ours: start from the first page')
  return { at: new Date(Number(ms)), id }
}
