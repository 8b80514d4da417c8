import { status as Status } from '@grpc/grpc-js'
import { Refusal } from '@powernode/rpc'

/**
 * The refusal behind a status that the gRPC library sends on its own, before any handler ran; undefined for a fault.
 * Without this, what is too large, late or garbled would be answered without a reason that a program can read.
 */
export function refusalBehind({
  code,
  details,
}: {
  readonly code?: Status | null
  readonly details?: string | null
}): Refusal | undefined {
  switch (code) {
    case Status.RESOURCE_EXHAUSTED:
      return new Refusal('MESSAGE_TOO_LARGE', details ?? 'the message is too large')
    case Status.DEADLINE_EXCEEDED:
      return new Refusal('DEADLINE_EXCEEDED', 'the deadline passed before there was an answer')
    case Status.UNIMPLEMENTED: // no message, two messages, or an unknown compression
      return new Refusal('REQUEST_INVALID', details ?? 'the request is not one message')
    case Status.INTERNAL:
      return GARBLED.test(details ?? '') ? new Refusal('REQUEST_INVALID', details ?? '') : undefined
    default:
      return undefined
  }
}

const GARBLED = /^(Invalid grpc-timeout|Failed to decompress|Error deserializing request)/
