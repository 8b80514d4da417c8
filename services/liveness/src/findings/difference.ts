import { lookOf, type Look } from './find.ts'
import { NEEDS } from './rules.ts'
import { COMES_BACK_MS, differs, keyOf, type Finding, type Found } from './finding.ts'
import type { Source } from './evidence.ts'

/** What a look changes about the findings that are kept. */
export type Difference = {
  readonly opened: readonly Found[]
  readonly updated: readonly (readonly [before: Finding, after: Found])[]
  readonly closed: readonly Finding[]
  /** Not found, and not closed either: they have come back before. */
  readonly missing: readonly Finding[]
}

/** What was looked at: all of it, or as much as could be read, of all peers or one. */
export type Scope = Pick<Look, 'unsure'> & {
  readonly unread: ReadonlySet<Source>
  readonly peerId: string
  readonly now: Date
}

/**
 * How the open findings become those that were found. Pure.
 *
 * What needs a service that did not answer stays as it was: it is neither opened, updated nor closed, for nothing is
 * known of it. The same holds of other peers, where one was looked at. One that has come back before closes only when it has been
 * away for an hour: peers write what is looked at, and what comes and goes with every look would fill the ledger.
 */
export function difference(open: readonly Finding[], found: readonly Found[], scope: Scope): Difference {
  const before = new Map(open.filter((one) => wasSeen(one, scope)).map((one) => [keyOf(one), one]))
  const after = new Map(found.filter((one) => wasSeen(one, scope)).map((one) => [keyOf(one), one]))
  const opened = [...after].flatMap(([key, one]) => (before.has(key) ? [] : [one]))
  const gone = [...before].flatMap(([key, one]) => (after.has(key) ? [] : [one]))
  const closed = gone.filter((one) => !one.reopenedAt || isAway(one, scope.now))
  const missing = gone.filter((one) => !one.missingSince && !closed.includes(one))
  const updated = [...before].flatMap(([key, one]) => {
    const now = after.get(key)
    return now && (differs(one, now) || one.missingSince) ? [[one, now] as const] : []
  })
  return { opened, updated, closed, missing }
}

const isAway = ({ missingSince }: Finding, now: Date): boolean =>
  missingSince !== null && now.getTime() - missingSince.getTime() >= COMES_BACK_MS

const wasSeen = ({ kind, peerId }: Found, { unread, unsure, peerId: only }: Scope): boolean =>
  (only === '' || peerId === only) &&
  !unsure.has(lookOf({ kind, peerId })) &&
  NEEDS[kind].every((source) => !unread.has(source))
