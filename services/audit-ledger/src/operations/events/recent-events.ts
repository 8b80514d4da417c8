import { shownAt } from '../../retention.ts'
import * as events from '../../store/events.ts'
import type { LedgerTx } from '../../store/tables.ts'

/** Where a page begins: before which position, and at what moment its reader began. */
export type PageStart = { readonly before: number; readonly begunAt: Date }

export type Said = {
  readonly filter: events.Filter
  readonly limit: number
  /** Absent: the first page. */
  readonly page?: PageStart | undefined
}

export type RecentEvents = { readonly events: readonly events.Numbered[]; readonly next: PageStart | undefined }

/** What one answer carries at most, so that it stays below what clients take (4 MiB) in every encoding. */
const BUDGET_BYTES = 1_000_000

/**
 * The events that match, the newest first, and where the next page begins.
 *
 * A page never changes: what comes in stands before all that was there, and what runs out does so for readers who begin
 * after it did, since each reads as of when it began and the sweep waits for them. Shorter than `limit` when the events are
 * large.
 */
export async function recentEvents(tx: LedgerTx, now: Date, { filter, limit, page }: Said): Promise<RecentEvents> {
  const { before, begunAt } = page ?? { before: Number.MAX_SAFE_INTEGER, begunAt: now }
  const found = await events.backwards(tx, filter, { shown: shownAt(begunAt), before, limit: limit + 1 })
  const shown = found.slice(0, Math.min(limit, withinBudget(found)))
  const last = shown.at(-1)
  return { events: shown, next: last && shown.length < found.length ? { before: last.position, begunAt } : undefined }
}

/** How many of the first ones one answer can carry: one, however large. */
function withinBudget(found: readonly events.Numbered[]): number {
  let bytes = 0
  const over = found.findIndex(({ payload }, at) => {
    bytes += JSON.stringify(payload).length
    return at > 0 && bytes > BUDGET_BYTES
  })
  return over === -1 ? found.length : over
}
