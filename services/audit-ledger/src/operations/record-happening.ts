import { nextEntry } from '../entry.ts'
import { logOf, writable, type Happening } from '../happening.ts'
import * as entries from '../store/entries.ts'
import * as events from '../store/events.ts'
import type { LedgerTx } from '../store/tables.ts'

/**
 * Writes down what happened: an entry at the end of its log, and an event in the feed.
 *
 * Number, hash and the receipt of the delivery share one transaction, under the log's lock: an event is written once,
 * in the order it was heard, whichever replica heard it.
 */
export async function recordHappening(tx: LedgerTx, now: Date, heard: Happening): Promise<void> {
  const happening = writable(heard)
  const log = logOf(happening)
  const head = await entries.takeEnd(tx, log)
  if (head.size === 0) await entries.open(tx, log, now)
  const entry = nextEntry(head, happening)
  await entries.add(tx, log, entry)
  await events.add(tx, { ...happening, payload: entry.payload })
}
