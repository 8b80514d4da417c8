import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { parseEntry } from '@powernode/ledger'
import { EntrySchema, type Entry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'

/** An entry as somebody else sent it: the leaf, and what of its payload is disclosed. */
export type Excerpt = { readonly leaf: Uint8Array; readonly salt?: Uint8Array; readonly payload?: Uint8Array }

/** What a leaf says. Everything is read from the bytes that are hashed into the tree, and nothing from beside them. */
export function entryOfLeaf({ leaf, salt = NONE, payload = NONE }: Excerpt): Entry {
  const said = parseEntry(leaf)
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

const NONE = new Uint8Array()
