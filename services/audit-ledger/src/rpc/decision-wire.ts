import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf'
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { DecisionSchema, type Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { Refusal } from '@powernode/rpc'
import canonicalize from 'canonicalize'
import { isId } from '../decision.ts'
import { PLATFORM_LOG, storable, type NewEntry } from '../new-entry.ts'
import { CALL_ALLOWED, CALL_REFUSED } from '../store/decisions.ts'

/**
 * A decision as an entry: that the call was made, what it was about and its outcome stand in the leaf, for ever; the decision
 * itself is the payload, which runs out and is shown to nobody but our operators: it may say more than the peer was told.
 */
export function entryFromDecision(wire: Decision): NewEntry {
  const { at, direction, remoteDecisionId, resourceKind, resourceId } = wire
  if (!isId(wire.id) || !at || !isStorable(at, wire.policyEpoch) || (direction !== 'in' && direction !== 'out'))
    throw new Refusal('REQUEST_INVALID', 'a decision has an id, a moment, an epoch and a direction')
  if (wire.allowed !== (wire.reason === 'ALLOWED'))
    throw new Refusal('REQUEST_INVALID', 'a decision has the reason ALLOWED when it allows, and only then')
  const id = wire.id.toLowerCase()
  const remoteId = isId(remoteDecisionId) ? remoteDecisionId.toLowerCase() : undefined
  const peer = isId(wire.peerId) ? wire.peerId.toLowerCase() : undefined
  return {
    id,
    log: peer ?? PLATFORM_LOG,
    action: wire.allowed ? CALL_ALLOWED : CALL_REFUSED,
    at: timestampDate(at),
    actor: direction === 'in' && peer ? `peer/${peer}` : 'platform',
    direction,
    decisionId: id,
    resource: resourceKind === '' ? undefined : storable(`${resourceKind}/${resourceId}`),
    // The caller's own id of the call, which both sides know.
    contentId: direction === 'out' ? id : remoteId,
    payload: payloadOf({ ...wire, remoteDecisionId: remoteId ?? '' }),
    remoteId,
    disclosed: false,
  }
}

/** The decision as it was told; bodies are what `entryFromDecision` wrote. */
export function decisionFromBody(body: string): Decision {
  return fromJson(DecisionSchema, JSON.parse(body) as JsonValue, { ignoreUnknownFields: true })
}

function payloadOf(decision: Decision): Uint8Array {
  const json = toJson(DecisionSchema, decision, { useProtoFieldName: true })
  const text = canonicalize(withoutNul(json))
  if (text === undefined) throw new Error('an object has a canonical form')
  return Buffer.from(text)
}

/** Texts in it come from peers. */
function withoutNul(json: JsonValue): JsonValue {
  if (typeof json === 'string') return storable(json)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withoutNul(value)]))
}

/** Beyond these nobody could read it back. */
function isStorable({ seconds }: Timestamp, epoch: bigint): boolean {
  return seconds >= 0n && seconds < LAST_SECOND && epoch >= 0n && epoch <= BigInt(Number.MAX_SAFE_INTEGER)
}
const LAST_SECOND = 253_402_300_800n // the end of the year 9999, as for every Timestamp

/** Where the next page begins: opaque to callers, so that it may mean something else one day. */
export function pageToken({ at, id }: { readonly at: Date; readonly id: string }): string {
  return Buffer.from(`${at.getTime()} ${id}`).toString('base64url')
}

export function readPageToken(token: string): { readonly at: Date; readonly id: string } | undefined {
  if (token === '') return undefined
  const [ms = '', id = ''] = Buffer.from(token, 'base64url').toString().split(' ')
  if (!/^\d{1,15}$/.test(ms) || !isId(id))
    throw new Refusal('PAGE_TOKEN_INVALID', 'the page token is none of ours: start from the first page')
  return { at: new Date(Number(ms)), id }
}
