import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import type { EntrySchema, FeedEventSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { Severity } from '@powernode/proto/powernode/event/v1/event_pb.ts'
import type { Entry } from '../entry.ts'
import type { Happening } from '../happening.ts'
import type { Filter } from '../store/events.ts'

const SEVERITIES = {
  low: Severity.LOW,
  medium: Severity.MEDIUM,
  high: Severity.HIGH,
  critical: Severity.CRITICAL,
} as const satisfies Record<Happening['severity'], Severity>

export function entryToWire(entry: Entry): MessageInitShape<typeof EntrySchema> {
  const { sequence, at, action, actor, payload, eventId, correlationId, hash, previousHash } = entry
  const chain = { sequence: BigInt(sequence), hash: bytes(hash), previousHash: bytes(previousHash) }
  return { ...chain, action, at: timestampFromDate(at), actor, payload, eventId, correlationId }
}

export function eventToWire(event: Happening): MessageInitShape<typeof FeedEventSchema> {
  const { id, kind, severity, source, peerId, actor, at, correlationId, payload } = event
  const when = { severity: SEVERITIES[severity], at: timestampFromDate(at) }
  return { id, kind, source, peerId, actor, correlationId, payload, ...when }
}

export function filterFromWire(said: {
  readonly kindPrefix: string
  readonly source: string
  readonly peerId: string
  readonly since?: Timestamp | undefined
}): Filter {
  const { kindPrefix, source, peerId, since } = said
  return { kindPrefix, source, peerId, since: since && timestampDate(since) }
}

/** The wire wants bytes of its own, not a window into a pool of Node's. */
export function bytes(from: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(from)
}
