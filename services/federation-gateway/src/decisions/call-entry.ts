import type { Timestamp } from '@bufbuild/protobuf/wkt'
import { CALL_ALLOWED, CALL_REFUSED, CALL_SENT, sentEntryId } from '@powernode/ledger'
import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { payloadOf, wellFormed } from './call-payload.ts'
import type { DecisionRecord } from './decision-record.ts'

/** What was decided about a call, as an entry. `contentId`: empty for a later word on a call that has an entry already. */
export function outcomeEntry(record: DecisionRecord, contentId: string): NewEntry {
  return entryOf(record, { id: record.id, action: record.allowed ? CALL_ALLOWED : CALL_REFUSED, contentId })
}

/** That a call of ours leaves, before anybody knows what comes of it; `id` when it leaves once more. */
export function sentEntry(record: DecisionRecord, id = sentEntryId(record.id)): NewEntry {
  const unknown = { ...record, allowed: false, reason: 'SENT', detail: 'it left; what came of it is not on record' }
  return entryOf(unknown, { id, action: CALL_SENT, contentId: record.id })
}

type About = { readonly id: string; readonly action: string; readonly contentId: string }

/**
 * That the call was made, what it was about and its outcome stand in the leaf, for ever; the decision itself is the payload,
 * which runs out and is shown to nobody but our operators: it may say more than the peer was told.
 *
 * A whole message, so that none has to be made of it field by field: every call has one of these.
 */
function entryOf(record: DecisionRecord, { id, action, contentId }: About): NewEntry {
  const { direction, peerId, resourceKind, resourceId, remoteDecisionId } = record
  return {
    $typeName: 'powernode.audit.v1.NewEntry',
    id,
    log: peerId,
    action,
    at: timestampOf(record.atMs),
    actor: direction === 'in' ? `peer/${peerId}` : 'platform',
    direction,
    decisionId: record.id,
    resource: resourceKind === '' ? '' : wellFormed(`${resourceKind}/${resourceId}`),
    contentId,
    payload: payloadOf(record),
    remoteId: remoteDecisionId,
    disclosed: false,
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
