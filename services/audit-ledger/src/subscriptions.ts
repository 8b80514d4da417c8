import { toJson, type JsonObject } from '@bufbuild/protobuf'
import { anyUnpack, timestampDate, type Any } from '@bufbuild/protobuf/wkt'
import { STREAM_NAMES, type RawSubscription } from '@powernode/events'
import { Severity, type Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import { eventRegistry } from '@powernode/proto/registry.ts'
import type { Happening } from './happening.ts'
import { recordHappening } from './operations/events/record-happening.ts'
import type { Tables } from './store/tables.ts'
import { documentedFields } from './subscriptions/documented-fields.ts'

/** Everything that anybody announces is written down as it was announced, one consumer a stream. */
export const SUBSCRIPTIONS: readonly RawSubscription<Tables>[] = STREAM_NAMES.map((stream) => ({
  consumer: `audit-ledger--record-${stream.toLowerCase().replaceAll('_', '-')}`,
  stream,
  inOrder: true,
  handle: (tx, now, event) => recordHappening(tx, now, toHappening(event, now)),
}))

/**
 * What the event says, in the ledger's words. An event without a moment happened when it was heard.
 *
 * What concerns a peer says so in its payload as well: excerpts, the console and tools of others look for it there.
 */
export function toHappening(event: Event, heardAt: Date): Happening {
  const { id, kind, source, peerId, actor, correlationId } = event
  return {
    id,
    kind,
    severity: SEVERITIES[event.severity] ?? 'low',
    source,
    peerId,
    actor,
    at: event.at ? timestampDate(event.at) : heardAt,
    correlationId,
    payload: {
      ...(event.payload ? payloadOf(event.payload, event) : {}),
      ...(peerId !== '' && { federation_peer_id: peerId }),
    },
  }
}

/** The announcement as JSON, with the names of its proto. One of a type we do not know yet is kept as its bytes: nothing is lost. */
function payloadOf(any: Any, event: Event): JsonObject {
  const message = anyUnpack(any, eventRegistry)
  const type = message && eventRegistry.getMessage(message.$typeName)
  if (!message || !type) return { '@type': any.typeUrl, value: Buffer.from(any.value).toString('base64') }
  const json = toJson(type, message, { registry: eventRegistry, useProtoFieldName: true })
  return { ...documentedFields(message, event), ...(json as JsonObject) } // a message that is no well-known type is an object
}

const SEVERITIES: Readonly<Record<number, Happening['severity']>> = {
  [Severity.LOW]: 'low',
  [Severity.MEDIUM]: 'medium',
  [Severity.HIGH]: 'high',
  [Severity.CRITICAL]: 'critical',
}
