import { hash } from 'node:crypto'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { PLATFORM_LOG } from './new-entry.ts'

export type Severity = 'low' | 'medium' | 'high' | 'critical'

/** Something that happened, as a service announced it: what the ledger writes down and operators see. */
export type Happening = {
  readonly id: string
  /** For example `federation.peer.accepted`. */
  readonly kind: string
  readonly severity: Severity
  readonly source: string
  /** Empty when it concerns no peer. */
  readonly peerId: string
  readonly actor: string
  readonly at: Date
  readonly correlationId: string
  readonly payload: JsonObject
}

/** The log that a happening belongs to. */
export function logOf({ peerId }: Happening): string {
  return peerId === '' ? PLATFORM_LOG : peerId
}

/** The same under an id that only its source could come by: a UUID of version 8 (RFC 9562 §5.8). */
export function renamed(happening: Happening): Happening {
  const hex = hash('sha256', `${happening.source}/${happening.id}`, 'hex')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
  return { ...happening, id }
}

/** Names under which no value is ever written, whoever sent it: free-form fields come from operators and peers. */
const SECRET = /(^|_|-)(token|secret|password|passphrase|private_?key|bearer)$/i

/**
 * The happening as it can stand in the ledger for ever: without secrets, and without NUL, which Postgres cannot store.
 *
 * NUL becomes U+FFFD before anything is hashed, so that what is hashed is what is kept.
 */
export function writable(happening: Happening): Happening {
  const { kind, source, actor, correlationId, payload } = happening
  return {
    ...happening,
    kind: withoutNul(kind),
    source: withoutNul(source),
    actor: withoutNul(actor),
    correlationId: withoutNul(correlationId),
    payload: writableObject(payload),
  }
}

function writableObject(object: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(object).map(([key, value]) => [
      withoutNul(key),
      SECRET.test(key) && typeof value === 'string' && value !== '' ? '[redacted]' : writableValue(value),
    ]),
  )
}

function writableValue(value: JsonValue): JsonValue {
  if (typeof value === 'string') return withoutNul(value)
  if (Array.isArray(value)) return value.map(writableValue)
  return typeof value === 'object' && value !== null ? writableObject(value) : value
}

function withoutNul(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}')
}
