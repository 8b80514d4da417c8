import { randomFillSync } from 'node:crypto'
import { commitPayload, encodeEntry, EntryFlaw, SALT_BYTES } from '@powernode/ledger'
import { ENTRY_BYTES } from '@powernode/tlog'
import type { NewEntry } from './new-entry.ts'

/** Random bytes for this many salts are drawn at once: each draw costs as much as a hash. */
const SALTS_AT_ONCE = 512

let pool = Buffer.alloc(0)

/** 16 random bytes that nobody else has. */
export function newSalt(): Uint8Array {
  if (pool.length < SALT_BYTES) pool = randomFillSync(Buffer.allocUnsafe(SALTS_AT_ONCE * SALT_BYTES))
  const salt = pool.subarray(0, SALT_BYTES)
  pool = pool.subarray(SALT_BYTES)
  return salt
}

/** What is hashed into the tree for an entry at this place, its payload bound by `salt`; undefined when it is too large. */
export function leafOf(entry: NewEntry, sequence: number, salt: Uint8Array | undefined): Uint8Array | undefined {
  const payloadSha256 = entry.payload && salt ? commitPayload(salt, entry.payload) : undefined
  return leafWith(entry, sequence, payloadSha256)
}

/** The same where the payload is known by its hash alone. */
export function leafWith(
  entry: NewEntry,
  sequence: number,
  payloadSha256: Uint8Array | undefined,
): Uint8Array | undefined {
  const { action, actor, at, contentId, decisionId, direction, resource } = entry
  try {
    return encodeEntry({ action, actor, at, contentId, decisionId, direction, payloadSha256, resource, sequence })
  } catch (error) {
    if (error instanceof EntryFlaw && isLarge(entry)) return undefined
    throw error
  }
}

/** Whether the texts alone may be what makes a leaf too large: escaped, a character takes up to six bytes. */
function isLarge({ action, actor, contentId = '', resource = '' }: NewEntry): boolean {
  return 6 * (action.length + actor.length + contentId.length + resource.length) + 512 > ENTRY_BYTES
}
