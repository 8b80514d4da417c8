import type { Entry, Head } from '../entry.ts'
import * as entries from '../store/entries.ts'
import type { LedgerTx } from '../store/tables.ts'

export type Page = { readonly entries: readonly Entry[]; readonly head: Head }

/** A page of a log by sequence, and where the log ends. A page of the past never changes. */
export async function listEntries(
  tx: LedgerTx,
  _now: Date,
  { log, after, limit }: { log: string; after: number; limit: number },
): Promise<Page> {
  return {
    entries: await entries.after(tx, log, { sequence: after, limit }),
    head: await entries.end(tx, log),
  }
}
