import type { Entry, Head } from '../entry.ts'
import * as entries from '../store/entries.ts'
import type { LedgerTx } from '../store/tables.ts'

export type Page = { readonly entries: readonly Entry[]; readonly head: Head }

/** What one answer carries at most, so that it stays below what clients take (4 MiB) in every encoding. */
const BUDGET_BYTES = 1_000_000
const CHUNK = 100

/**
 * A page of a log by sequence, and where the log ends. A page of the past never changes.
 *
 * Shorter than `limit` when the entries are large: what comes next begins after the last sequence of the page.
 */
export async function listEntries(
  tx: LedgerTx,
  _now: Date,
  { log, after, limit }: { log: string; after: number; limit: number },
): Promise<Page> {
  const page: Entry[] = []
  const head = await entries.end(tx, log)
  for (
    let bytes = 0, last = after;
    page.length < limit && last < head.size;
    last = page.at(-1)?.sequence ?? head.size
  ) {
    for (const entry of await entries.after(tx, log, { sequence: last, limit: Math.min(CHUNK, limit - page.length) })) {
      bytes += entry.canonical.length
      if (bytes > BUDGET_BYTES) return { entries: page, head }
      page.push(entry)
    }
  }
  return { entries: page, head }
}
