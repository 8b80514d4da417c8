import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { Refusal } from '@powernode/rpc'
import type { Kind } from './kind.ts'

/** A record that the catalogue holds, whole: what peers see of it is the gateway's to cut out. */
export type Resource = {
  readonly kind: string
  readonly id: string
  readonly record: JsonObject
  /** Undefined: the kind's. */
  readonly region: string | undefined
  /** Empty: the kind's. */
  readonly dataClass: string
  /** Grows with every change, also across a removal. */
  readonly revision: number
  readonly updatedAt: Date
  readonly removedAt: Date | undefined
}

export const RECORD_MAX_BYTES = 262_144
const DEEPEST = 64

/** Refuses a record that could not be kept, or not be given back as it was. */
export function checkRecord(record: JsonObject): void {
  const bytes = Buffer.byteLength(JSON.stringify(record))
  if (bytes > RECORD_MAX_BYTES) {
    throw new Refusal('MESSAGE_TOO_LARGE', `a record may have ${RECORD_MAX_BYTES} bytes at most; this has ${bytes}`, {
      metadata: { limit_bytes: String(RECORD_MAX_BYTES) },
    })
  }
  checkText(record, 0)
}

/** PostgreSQL keeps neither the character U+0000 nor half a surrogate pair; and nobody reads a record this deep. */
function checkText(value: JsonValue, depth: number): void {
  if (depth > DEEPEST) throw new Refusal('REQUEST_INVALID', `a record may be ${DEEPEST} levels deep at most`)
  const texts = typeof value === 'string' ? [value] : isObject(value) ? Object.keys(value) : []
  if (texts.some((text) => text.includes('\0') || !text.isWellFormed())) {
    throw new Refusal('REQUEST_INVALID', 'a record may hold neither U+0000 nor half a surrogate pair')
  }
  if (Array.isArray(value)) value.forEach((part) => checkText(part, depth + 1))
  else if (isObject(value)) Object.values(value).forEach((part) => checkText(part, depth + 1))
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Refuses what a peer may not write: anything of a kind that is not writable, and a field that is sensitive, or holds
 * one. MUST come before its changes are looked at: a field is set as a whole, so what is hidden in it would be lost.
 */
export function checkWrite({ kind, writable, sensitiveFields }: Kind, changes: JsonObject): void {
  if (!writable) {
    throw new Refusal('RESOURCE_READ_ONLY', `resources of kind ${kind} cannot be changed from outside`, {
      metadata: { kind },
    })
  }
  for (const field of Object.keys(changes)) {
    const hidden = sensitiveFields.find((path) => [path, path.split('.')[0]].includes(field))
    if (hidden === undefined) continue
    throw new Refusal('RESOURCE_READ_ONLY', `field ${field} of ${kind} cannot be written from outside`, {
      metadata: { kind, field },
    })
  }
}

/** The record with its fields set as said, null removing one; and the names of those that are now another. */
export function applied(record: JsonObject, changes: JsonObject): { after: JsonObject; changed: readonly string[] } {
  const fields = new Map(Object.entries(record))
  for (const [field, value] of Object.entries(changes)) {
    if (value === null) fields.delete(field)
    else fields.set(field, value)
  }
  const after = Object.fromEntries(fields)
  return { after, changed: changedFields(record, after) }
}

/** The names of the fields that two records do not have in common. */
export function changedFields(before: JsonObject, after: JsonObject): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const isOther = (name: string) =>
    Object.hasOwn(before, name) !== Object.hasOwn(after, name) || !isDeepStrictEqual(before[name], after[name])
  return [...names].filter(isOther).toSorted()
}

/** Refuses when a revision was named and the record has another by now. */
export function checkRevision(held: Resource | undefined, ifRevision: number): void {
  const revision = held && !held.removedAt ? held.revision : 0
  if (ifRevision === 0 || ifRevision === revision) return
  throw new Refusal('RESOURCE_CHANGED_MEANWHILE', `the record is at revision ${revision}, not ${ifRevision}`, {
    metadata: { revision: String(revision) },
  })
}

/** Names of changed fields in news: no more than an entry of the ledger can hold. */
export const MOST_NAMED = 100

export function resourceNotFound(kind: string, id: string): Refusal {
  return new Refusal('RESOURCE_NOT_FOUND', `there is no ${kind} ${JSON.stringify(id)}`, {
    next: `fedctl resource list --kind ${kind}`,
  })
}
