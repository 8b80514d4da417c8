import { isUtf8 } from 'node:buffer'
import { isId } from './decision.ts'

/** The log of what concerns no peer. */
export const PLATFORM_LOG = 'platform'

/** Something to be written down: entry.proto (NewEntry) says what each field means. Absent is undefined, never empty. */
export type NewEntry = {
  /** UUID in small letters: repeating it changes nothing and answers with the place it has. */
  readonly id: string
  /** A peer id in small letters, or `platform`. */
  readonly log: string
  readonly action: string
  readonly at: Date
  /** `peer/<id>`, `service/<name>`, `platform` or `operator`: never a person's name, which belongs into the payload. */
  readonly actor: string
  readonly direction?: 'in' | 'out' | undefined
  readonly decisionId?: string | undefined
  readonly resource?: string | undefined
  readonly contentId?: string | undefined
  /** Canonical JSON in UTF-8. MUST pass `isPayload`. */
  readonly payload?: Uint8Array | undefined
  /** UUID in small letters. */
  readonly remoteId?: string | undefined
  readonly disclosed: boolean
}

/** Where an entry stands, and how large the tree was after the transaction that answered. */
export type Place = { readonly sequence: number; readonly treeSize: number }

/** Why an entry was not written. */
export type NotWritten = 'ENTRY_CONFLICT' | 'ENTRY_TOO_LARGE' | 'LOG_ON_HOLD'

/** What came of one entry. One that is not written keeps no other of its batch from being written. */
export type Written = Place | { readonly refused: NotWritten }

/** Whether bytes can stand as a payload: a JSON object that Postgres can hold as text. */
export function isPayload(bytes: Uint8Array): boolean {
  return bytes[0] === OPENING && bytes.at(-1) === CLOSING && !bytes.includes(0) && isUtf8(bytes)
}
const OPENING = 0x7b
const CLOSING = 0x7d

export function isLogName(name: string): boolean {
  return name === PLATFORM_LOG || isId(name)
}

/** A text without NUL, which Postgres cannot store. */
export function storable(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\u{fffd}') : text
}

/** Who did it, as it may stand in a leaf for ever: a person's name is not said. */
export function publicActor(actor: string): string {
  if (actor.startsWith('operator/')) return 'operator'
  return /^(peer|service)\/./.test(actor) ? actor : 'platform'
}
