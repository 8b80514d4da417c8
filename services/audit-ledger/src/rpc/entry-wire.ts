import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { parseEntry } from '@powernode/ledger'
import type { EntrySchema } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import type { Shown } from '../operations/read/list-entries.ts'
import { bytes } from './wire.ts'

/** An entry as it is shown: what its leaf says, the payload where it is still there, and else who erased it. */
export function entryToWire({ row, erased }: Shown): MessageInitShape<typeof EntrySchema> {
  const { sequence, id, leaf, salt, body } = row
  const said = parseEntry(leaf)
  return {
    sequence: BigInt(sequence),
    id,
    action: said.action,
    at: timestampFromDate(said.at),
    actor: said.actor,
    direction: said.direction ?? '',
    decisionId: said.decisionId ?? '',
    resource: said.resource ?? '',
    contentId: said.contentId ?? '',
    leaf: bytes(leaf),
    ...(said.payloadSha256 && { payloadSha256: bytes(said.payloadSha256) }),
    ...(salt && { salt: bytes(salt) }),
    ...(body !== null && { payload: bytes(Buffer.from(body)) }),
    ...(erased && {
      erased: {
        at: timestampFromDate(erased.at),
        actor: erased.actor,
        reason: erased.reason,
        ...(erased.recordedAt !== null && { recordedAt: BigInt(erased.recordedAt) }),
      },
    }),
  }
}
