import { createHash } from 'node:crypto'
import { timestampMs } from '@bufbuild/protobuf/wkt'
import type { JsonObject, JsonValue } from '@bufbuild/protobuf'
import { EntrySchema, type Entry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import { plain } from './plain.ts'
import type { Session } from './session.ts'

/** Which entries of one log. */
export type EntryFilter = {
  readonly log: string
  readonly actionPrefix: string
  readonly direction: string
  readonly resource: string
  readonly since: Date | undefined
  readonly until: Date | undefined
}

export type EntryPage = { readonly entries: readonly Entry[]; readonly size: bigint; readonly isAll: boolean }

const PAGE = 1_000

/**
 * The newest `limit` entries that fit, or the first ones from a place on; oldest first in either case.
 *
 * The service pages by sequence, so what it has answered once it answers for ever; what it does not filter is left out
 * here.
 */
export async function readEntries(
  { clients }: Session,
  filter: EntryFilter,
  { from, limit }: { readonly from: bigint | undefined; readonly limit: number },
): Promise<EntryPage> {
  const newestFirst = from === undefined
  /** The page after entry 1 would begin at 0, which is how the service says that there is none. */
  const first = async (log: string) => {
    const { entries } = await clients.ledger.listEntries({ log, actionPrefix: filter.actionPrefix, limit: 1 })
    return entries.filter((entry) => entry.sequence === 0n && fits(entry, filter))
  }
  const found: Entry[] = []
  let start = from ?? 0n
  for (;;) {
    const { log, actionPrefix } = filter
    const page = await clients.ledger.listEntries({ log, actionPrefix, start, limit: PAGE, newestFirst })
    let isTooOld = false
    for (const entry of page.entries) {
      if (fits(entry, filter)) found.push(entry)
      isTooOld = newestFirst && isBefore(entry, filter.since)
      if (isTooOld || found.length > limit) break
    }
    if (isTooOld || found.length > limit || page.nextStart === 0n) {
      if (newestFirst && page.nextStart === 0n && page.entries.at(-1)?.sequence === 1n)
        found.push(...(await first(log)))
      const entries = found.slice(0, limit)
      return {
        entries: newestFirst ? entries.toReversed() : entries,
        size: page.size,
        isAll: found.length <= limit,
      }
    }
    start = page.nextStart
  }
}

const FOLLOW_EVERY_MS = 500

/** Every entry that fits from a place on, for ever: each as it becomes durable. */
export async function* followEntries(
  { clients, clock, signal }: Session,
  filter: EntryFilter,
  from: bigint,
): AsyncIterable<Entry> {
  const { log, actionPrefix } = filter
  let start = from
  while (!signal.aborted) {
    const page = await clients.ledger.listEntries({ log, actionPrefix, start, limit: PAGE })
    for (const entry of page.entries) if (fits(entry, filter)) yield entry
    start = page.nextStart > 0n ? page.nextStart : page.size
    if (page.nextStart === 0n) await clock.sleep(FOLLOW_EVERY_MS, signal)
  }
}

function fits(entry: Entry, { direction, resource, since, until }: EntryFilter): boolean {
  if (direction !== '' && entry.direction !== direction) return false
  if (!entry.resource.startsWith(resource)) return false
  if (until && entry.at && timestampMs(entry.at) >= until.getTime()) return false
  return !isBefore(entry, since)
}

const isBefore = ({ at }: Entry, since: Date | undefined): boolean =>
  since !== undefined && at !== undefined && timestampMs(at) < since.getTime()

/** An entry for programs: the leaf as the text it is, to the byte, and the payload as the object it holds. */
export function plainEntry(entry: Entry): JsonObject {
  return { ...plain(EntrySchema, entry), leaf: textOf(entry.leaf), payload: payloadOf(entry) ?? null }
}

/** The payload as an object; nothing when it was erased, was never there, or is none. */
export function payloadOf({ payload }: Pick<Entry, 'payload'>): JsonObject | undefined {
  if (payload.length === 0) return undefined
  try {
    const value = JSON.parse(textOf(payload)) as JsonValue
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** How salt and payload stand to the hash that the tree holds. */
export type PayloadState = 'none' | 'erased' | 'withheld' | 'as hashed' | 'altered'

export function payloadState({ payloadSha256, payload, salt, erased }: Entry): PayloadState {
  if (payloadSha256.length === 0) return payload.length === 0 ? 'none' : 'altered'
  if (erased) return 'erased'
  if (salt.length === 0) return 'withheld'
  const hash = createHash('sha256').update(salt).update(payload).digest()
  return hash.equals(payloadSha256) ? 'as hashed' : 'altered'
}
