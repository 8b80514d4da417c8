import { escalationOf } from './decide.ts'
import type { Settings } from './types.ts'

/** Holds all that would degrade peers, while so many are late at once that it is us. */
export type Breaker = {
  /** Null: closed. */
  readonly since: Date | null
  readonly reason: string
  /** In how many ticks in a row few enough were late. */
  readonly calmTicks: number
}

/** How many of the watched peers are late: silent for over half their stale limit, in either direction. */
export type Counts = { readonly late: number; readonly watched: number }

export const CLOSED: Breaker = { since: null, reason: '', calmTicks: 0 }
const CALM_TICKS = 3

/**
 * The breaker after a tick. It opens at once, and on lateness rather than silence: so it is open before the first peer is
 * silent for long enough to be degraded. It closes when no more than half as many are late, three ticks running.
 */
// oxlint-disable-next-line max-params -- the noun, what was counted, by which rules and when
export function turn(before: Breaker, { late, watched }: Counts, settings: Settings, now: Date): Breaker {
  const most = threshold(watched, settings)
  if (late >= most) {
    const reason = `${late} of ${watched} peers are late at once`
    return { since: before.since ?? now, reason: before.since ? before.reason : reason, calmTicks: 0 }
  }
  if (!before.since) return CLOSED
  const calmTicks = late <= most / 2 ? before.calmTicks + 1 : 0
  return calmTicks >= CALM_TICKS ? CLOSED : { ...before, calmTicks }
}

export const threshold = (watched: number, { breakerShare, breakerLeast }: Settings): number =>
  Math.max(breakerLeast, Math.ceil(breakerShare * watched))

/** How many may be degraded within an hour. */
export const budget = (watched: number, { budgetPerHour }: Settings): number =>
  budgetPerHour > 0 ? budgetPerHour : Math.max(20, Math.ceil(watched / 10))

/**
 * Whether it is told once more that the breaker holds: after an hour, and after a day. Peers that stay away keep it open for as long
 * as they stay active, and whoever falls silent meanwhile is held too; so nobody may take it for settled.
 */
export function isToldAgain(since: Date, tickedBefore: Date, now: Date): boolean {
  const standsFor = (at: Date) => escalationOf(at.getTime() - since.getTime())
  return standsFor(now) > standsFor(tickedBefore)
}
