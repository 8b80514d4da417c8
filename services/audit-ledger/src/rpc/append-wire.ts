import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { NewEntry as WireEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { Refusal } from '@powernode/rpc'
import { isId } from '../decision.ts'
import { isLogName, isPayload, publicActor, storable, type NewEntry, type Place, type Written } from '../new-entry.ts'

const LAST_SECOND = 253_402_300_800n // the end of the year 9999

/** An entry as a service tells it, read: absent texts are empty. */
export type ToldEntry = Pick<
  WireEntry,
  'id' | 'log' | 'action' | 'actor' | 'direction' | 'decisionId' | 'resource' | 'contentId' | 'remoteId' | 'disclosed'
> & { readonly at: Date; readonly payload: Uint8Array }

export function newEntryFromWire(wire: WireEntry, now: Date): NewEntry {
  const { at } = wire
  if (at && !(at.seconds >= 0n && at.seconds < LAST_SECOND)) throw invalid('a moment lies before the year 10000')
  return newEntry({ ...wire, at: at ? timestampDate(at) : now })
}

/**
 * The entry that is told.
 *
 * Whatever the database would refuse is refused here, to the one who said it: in the database it would be refused together with
 * the entries of everybody else in its batch.
 */
export function newEntry({ at, direction, payload, decisionId, remoteId, disclosed, ...told }: ToldEntry): NewEntry {
  const log = told.log.toLowerCase()
  if (!isLogName(log)) throw invalid(`${told.log} is no log: a peer id, or platform`)
  if (!isId(told.id)) throw invalid('an entry has an id')
  if (direction !== '' && direction !== 'in' && direction !== 'out') throw invalid('a call goes in or out')
  if (payload.length > 0 && !isPayload(payload)) throw invalid('a payload is a JSON object in UTF-8, without NUL')
  return {
    id: told.id.toLowerCase(),
    log,
    action: storable(told.action),
    at,
    actor: publicActor(storable(told.actor)),
    direction: direction === '' ? undefined : direction,
    decisionId: absentIfEmpty(decisionId),
    resource: absentIfEmpty(told.resource),
    contentId: absentIfEmpty(told.contentId),
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

/** What was turned away is said of that alone: on one stream come the calls of all peers. */
export function writtenToWire(written: readonly Written[]) {
  return {
    places: written.map((one) => ('refused' in one ? {} : placeToWire(one))),
    refused: written.flatMap((one, index) => ('refused' in one ? [{ index, reason: one.refused }] : [])),
  }
}

export function placeToWire({ sequence, treeSize }: Place) {
  return { sequence: BigInt(sequence), treeSize: BigInt(treeSize) }
}
