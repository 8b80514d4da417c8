import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { NewEntry as WireEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { Refusal } from '@powernode/rpc'
import { isId } from '../decision.ts'
import { isLogName, isPayload, publicActor, storable, type NewEntry } from '../new-entry.ts'

const LAST_SECOND = 253_402_300_800n // the end of the year 9999

/**
 * An entry as a service tells it.
 *
 * Whatever the database would refuse is refused here, to the one who said it: in the database it would be refused together with
 * the entries of everybody else in its batch.
 */
export function newEntryFromWire(wire: WireEntry, now: Date): NewEntry {
  const { at, direction, payload, decisionId, remoteId, disclosed } = wire
  const log = wire.log.toLowerCase()
  if (!isLogName(log)) throw invalid(`${wire.log} is no log: a peer id, or platform`)
  if (!isId(wire.id)) throw invalid('an entry has an id')
  if (direction !== '' && direction !== 'in' && direction !== 'out') throw invalid('a call goes in or out')
  if (at && !(at.seconds >= 0n && at.seconds < LAST_SECOND)) throw invalid('a moment lies before the year 10000')
  if (payload.length > 0 && !isPayload(payload)) throw invalid('a payload is a JSON object in UTF-8, without NUL')
  return {
    id: wire.id.toLowerCase(),
    log,
    action: storable(wire.action),
    at: at ? timestampDate(at) : now,
    actor: publicActor(storable(wire.actor)),
    direction: direction === '' ? undefined : direction,
    decisionId: absentIfEmpty(decisionId),
    resource: absentIfEmpty(wire.resource),
    contentId: absentIfEmpty(wire.contentId),
    payload: payload.length > 0 ? payload : undefined,
    // What the other side calls it is for finding only: what is no id finds nothing.
    remoteId: isId(remoteId) ? remoteId.toLowerCase() : undefined,
    disclosed,
  }
}

function absentIfEmpty(text: string): string | undefined {
  return text === '' ? undefined : storable(text)
}

function invalid(sentence: string): Refusal {
  return new Refusal('REQUEST_INVALID', sentence)
}
