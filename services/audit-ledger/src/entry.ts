import { createHash } from 'node:crypto'
import type { JsonObject } from '@bufbuild/protobuf'
import canonicalize from 'canonicalize'
import type { Happening } from './happening.ts'

/** One line of a log. */
export type Entry = {
  /** 1, 2, 3 … without gaps. */
  readonly sequence: number
  readonly action: string
  readonly at: Date
  readonly actor: string
  readonly payload: JsonObject
  readonly eventId: string
  readonly correlationId: string
  /** The fields above as canonical JSON (RFC 8785), in UTF-8. */
  readonly canonical: Uint8Array
  readonly previousHash: Uint8Array
  /** SHA-256 of `previousHash` and `canonical`. */
  readonly hash: Uint8Array
}

/** Where a log ends: how many entries, and the hash of the last. */
export type Head = { readonly size: number; readonly hash: Uint8Array }

/** What the first entry of every log stands on. */
export const EMPTY: Head = { size: 0, hash: new Uint8Array(32) }

/** The most bytes of an entry's canonical JSON. */
export const LARGEST_ENTRY = 65_535

/** The entry that comes after `head`. A payload too large for the ledger stands as its size and SHA-256. */
export function nextEntry(head: Head, happening: Happening): Entry {
  const entry = chained(head, happening, happening.payload)
  return entry.canonical.length <= LARGEST_ENTRY ? entry : chained(head, happening, summaryOf(happening.payload))
}

/** Why an entry does not belong after `head`; undefined when it does. */
export function flawOf(head: Head, entry: Entry): string | undefined {
  if (entry.sequence !== head.size + 1) return `expected entry ${head.size + 1}, found ${entry.sequence}`
  if (!same(entry.previousHash, head.hash)) return 'it does not stand on the entry before it'
  if (!same(entry.canonical, canonicalOf(entry))) return 'its columns do not say what was hashed'
  if (!same(entry.hash, hashOf(entry.previousHash, entry.canonical))) return 'its hash is not that of its content'
  return undefined
}

function chained(head: Head, happening: Happening, payload: JsonObject): Entry {
  const said = {
    sequence: head.size + 1,
    action: happening.kind,
    at: happening.at,
    actor: happening.actor,
    payload,
    eventId: happening.id,
    correlationId: happening.correlationId,
  }
  const canonical = canonicalOf(said)
  return { ...said, canonical, previousHash: head.hash, hash: hashOf(head.hash, canonical) }
}

type Said = Omit<Entry, 'canonical' | 'previousHash' | 'hash'>

function canonicalOf({ sequence, action, at, actor, payload, eventId, correlationId }: Said): Uint8Array {
  const fields = { sequence, action, at: at.toISOString(), actor, payload }
  return utf8(canonicalJson({ ...fields, event_id: eventId, correlation_id: correlationId }))
}

function summaryOf(payload: JsonObject): JsonObject {
  const bytes = utf8(canonicalJson(payload))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { oversize: { bytes: bytes.length, sha256 } }
}

function canonicalJson(value: JsonObject): string {
  const text = canonicalize(value)
  if (text === undefined) throw new Error('an object has a canonical form')
  return text
}

function hashOf(previousHash: Uint8Array, canonical: Uint8Array): Uint8Array {
  return createHash('sha256').update(previousHash).update(canonical).digest()
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
