import { fromBinary, type DescMessage, type Message, type MessageShape } from '@bufbuild/protobuf'
import { anyUnpack } from '@bufbuild/protobuf/wkt'
import { EventSchema, type Event } from '@powernode/proto/powernode/event/v1/event_pb.ts'

/** A delivery that no retry will ever make sense of. */
export class Unreadable extends Error {
  override readonly name = 'Unreadable'
  readonly reason: 'UNREADABLE' | 'NO_ID' | 'WRONG_PAYLOAD'

  constructor(reason: Unreadable['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Reads an event. Without an id there can be no receipt, so such an event is refused too. */
export function readEvent(data: Uint8Array): Event {
  const event = attempt('UNREADABLE', () => fromBinary(EventSchema, data))
  if (!UUID.test(event.id)) throw new Unreadable('NO_ID', 'the event has no id')
  return event
}

/** The id that a message claims to have, whoever wrote it. */
export function eventIdOf(data: Uint8Array): string | undefined {
  try {
    return readEvent(data).id
  } catch (error) {
    if (error instanceof Unreadable) return undefined
    throw error
  }
}

/** Takes out the payload, which MUST be of the type that the subscription expects. */
export function readPayload<E extends DescMessage>(event: Event, type: E): MessageShape<E> {
  const { payload } = event
  if (!payload) throw new Unreadable('WRONG_PAYLOAD', 'the event carries no payload')
  const message = attempt('UNREADABLE', () => anyUnpack(payload, type))
  if (!message) throw new Unreadable('WRONG_PAYLOAD', `expected ${type.typeName}, got ${payload.typeUrl}`)
  return message
}

function attempt<T extends Message | undefined>(reason: Unreadable['reason'], read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw new Unreadable(reason, 'the bytes are not the message they should be', { cause })
  }
}
