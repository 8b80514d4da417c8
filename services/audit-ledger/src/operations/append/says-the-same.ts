import { parseEntry } from '@powernode/ledger'
import { leafOf, leafWith } from '../../leaf.ts'
import type { NewEntry } from '../../new-entry.ts'
import type { Row } from '../../store/entries.ts'

/** Whether a repeat says what was written down: to the byte, payload included. Of an erased payload nobody can tell any more. */
export function saysTheSame(item: NewEntry, row: Row): boolean {
  if (row.salt) return equal(leafOf(item, row.sequence, row.salt), row.leaf)
  const { payloadSha256 } = parseEntry(row.leaf)
  if ((payloadSha256 === undefined) !== (item.payload === undefined)) return false
  return equal(leafWith(item, row.sequence, payloadSha256), row.leaf)
}

/** The same of two entries that come together. */
export function saysTheSameAs(one: NewEntry, other: NewEntry): boolean {
  if (one.log !== other.log || !equal(leafWith(one, 0, undefined), leafWith(other, 0, undefined))) return false
  return one.payload && other.payload ? equal(one.payload, other.payload) : one.payload === other.payload
}

function equal(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (!one || !other) return false
  return Buffer.compare(one, other) === 0
}
