const DAY_MS = 86_400_000

const SHOWN_MS = 90 * DAY_MS
const CRITICAL_SHOWN_MS = 365 * DAY_MS
/** Who begins to read has this long to come to the last page: until then what the pages show stays. */
export const PAGES_HOLD_MS = DAY_MS
/** For clocks of replicas that differ. */
const SKEW_MS = 3_600_000

/** From when on the feed shows what happened. */
export type Shown = { readonly critical: Date; readonly others: Date }

/** What the feed shows at a moment: critical events of a year, others of 90 days, both ends included. The ledger keeps its entries. */
export function shownAt(now: Date): Shown {
  return { critical: before(now, CRITICAL_SHOWN_MS), others: before(now, SHOWN_MS) }
}

/** Events from before then stand on no page any more, of whoever began to read. */
export function sweptAt(now: Date): Shown {
  return shownAt(before(now, PAGES_HOLD_MS + SKEW_MS))
}

function before(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms)
}
