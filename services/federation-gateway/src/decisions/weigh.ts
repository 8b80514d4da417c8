import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'

/** Half of what the ledger takes in one message. */
const BATCH = 512
/** And below its megabyte: a message that it turns away would take the decisions about all peers with it. */
export const BATCH_BYTES = 900_000
/** What an entry has beside its payload and what it is about: ids, moments, words of ours. */
const EACH_BYTES = 500

/** More than it has on the wire: a unit of a JavaScript text is three bytes at most. Peers choose these, more or less. */
export function weightOf({ payload, resource }: NewEntry): number {
  return EACH_BYTES + payload.length + 3 * resource.length
}

/** How many of those in front go into one message; at least one, if there is one. */
export function fitting(queue: readonly { readonly bytes: number }[]): number {
  let bytes = 0
  const end = queue.findIndex((waiting, at) => at === BATCH || (bytes += waiting.bytes) > BATCH_BYTES)
  return end < 0 ? queue.length : Math.max(end, 1)
}
