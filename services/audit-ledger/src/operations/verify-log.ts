import { EMPTY, flawOf, type Head } from '../entry.ts'
import * as entries from '../store/entries.ts'
import type { LedgerTx } from '../store/tables.ts'

export type Verdict = {
  /** Where the part that is intact ends. */
  readonly head: Head
  /** The first entry that does not fit, and why. */
  readonly broken: { readonly sequence: number; readonly flaw: string } | undefined
}

const PAGE = 200

/** Recomputes a log from its first entry to its last, and says where it first breaks. */
export async function verifyLog(tx: LedgerTx, _now: Date, { log }: { log: string }): Promise<Verdict> {
  let head = EMPTY
  for (;;) {
    const page = await entries.after(tx, log, { sequence: head.size, limit: PAGE })
    for (const entry of page) {
      const flaw = flawOf(head, entry)
      if (flaw !== undefined) return { head, broken: { sequence: head.size + 1, flaw } }
      head = { size: entry.sequence, hash: entry.hash }
    }
    if (page.length < PAGE) return { head, broken: undefined }
  }
}
