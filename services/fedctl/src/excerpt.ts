import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { EntryFlaw, parseEntry, type EntryFields } from '@powernode/ledger'
import { EntrySchema, type Entry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { DAMAGE_EXIT } from './exit-codes.ts'
import { Problem } from './problem.ts'

/** An entry as somebody else sent it: the leaf, and what of its payload is disclosed. */
export type Excerpt = { readonly leaf: Uint8Array; readonly salt?: Uint8Array; readonly payload?: Uint8Array }

/** What a leaf says. Everything is read from the bytes that are hashed into the tree, and nothing from beside them. */
export function entryOfLeaf({ leaf, salt = NONE, payload = NONE }: Excerpt): Entry {
  const said = read(leaf)
  return create(EntrySchema, {
    sequence: BigInt(said.sequence),
    action: said.action,
    at: timestampFromDate(said.at),
    actor: said.actor,
    direction: said.direction ?? '',
    decisionId: said.decisionId ?? '',
    resource: said.resource ?? '',
    contentId: said.contentId ?? '',
    ...(said.payloadSha256 && { payloadSha256: said.payloadSha256 }),
    leaf,
    salt,
    payload,
  })
}

/** Whoever sends something else as a leaf has not kept to the contract. */
function read(leaf: Uint8Array): EntryFields {
  try {
    return parseEntry(leaf)
  } catch (error) {
    if (!(error instanceof EntryFlaw)) throw error
    throw new Problem({
      reason: 'ENTRY_MALFORMED',
      message: `the other side sent an entry that is none: ${error.message}`,
      next: 'their operators look at fedctl audit verify',
      exitCode: DAMAGE_EXIT.malformed_entry,
    })
  }
}

const NONE = new Uint8Array()
