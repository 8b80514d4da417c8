import type { Severity } from './happening.ts'

const DAY_MS = 86_400_000

/** How long the feed shows an event. The ledger keeps its entry for ever. */
const KEPT_DAYS: Readonly<Record<Severity, number>> = { low: 90, medium: 90, high: 90, critical: 365 }

/** For each severity: events from before then may go. */
export function limitsAt(now: Date): readonly { readonly severity: Severity; readonly before: Date }[] {
  return Object.entries(KEPT_DAYS).map(([severity, days]) => ({
    severity: severity as Severity, // a key of the table above
    before: new Date(now.getTime() - days * DAY_MS),
  }))
}
