/** What was known of a peer when one looked; moments in milliseconds since 1970, null: never. */
export type Sight = {
  readonly lastHeardMs: number | null
  readonly lastHeardByThemMs: number | null
  readonly staleAfterMs: number
}

/** A sight, and whether the peer was heard both ways when one could last tell: if it is silent now, that silence is a new one. */
export type Seen = Sight & { readonly wasFresh: boolean }

/** From one look to the next. */
export type Between = {
  readonly fromMs: number
  readonly toMs: number
  /** Since when we have listened without a gap. */
  readonly listeningSinceMs: number
}

/** What the time between two looks was worth. */
export type Stretch = {
  readonly watchedMs: number
  readonly bothMs: number
  readonly heardMs: number
  readonly heardByThemMs: number
  readonly silences: number
  readonly longestSilenceMs: number
}

export const NOT_WATCHED: Stretch = {
  watchedMs: 0,
  bothMs: 0,
  heardMs: 0,
  heardByThemMs: 0,
  silences: 0,
  longestSilenceMs: 0,
}

/**
 * What the time between two looks at a peer was worth. Exact but for beats that came and went stale in between, which looks
 * that are no further apart than the stale limit cannot miss.
 *
 * Time in which we did not listen counts for nothing; nor does silence, until we have listened for a whole stale limit: it
 * may be ours.
 */
export function stretchOf(before: Seen, after: Sight, { fromMs, toMs, listeningSinceMs }: Between): Stretch {
  const { staleAfterMs } = after
  const isFresh = isFreshAt(after, toMs)
  const start = Math.max(fromMs, listeningSinceMs)
  const isJudged = isFresh && isFreshAt(before, start) // beats went on: nothing is in doubt
  const begin = isJudged ? start : Math.max(fromMs, listeningSinceMs + staleAfterMs)
  if (begin >= toMs) return NOT_WATCHED

  const within = { begin, end: toMs, staleAfterMs }
  const heard = coverage(before.lastHeardMs, after.lastHeardMs, within)
  const heardByThem = coverage(before.lastHeardByThemMs, after.lastHeardByThemMs, within)
  const both = overlap(heard, heardByThem)
  const watchedMs = toMs - begin
  const wasFresh = isFreshAt(before, begin) || (before.wasFresh && !isFresh)
  const fellSilent = wasFresh && lengthOf(both) < watchedMs
  return {
    watchedMs,
    bothMs: lengthOf(both),
    heardMs: lengthOf(heard),
    heardByThemMs: lengthOf(heardByThem),
    silences: fellSilent ? 1 : 0,
    longestSilenceMs: lengthOf(both) < watchedMs ? silence(before, after, { isFresh, toMs, listeningSinceMs }) : 0,
  }
}

/** What the next look is to know of this one: a silence that nobody could watch beginning is counted when it can be. */
export const seenOf = (before: Seen, after: Sight, { toMs, stretch }: { toMs: number; stretch: Stretch }): Seen => ({
  ...after,
  wasFresh: isFreshAt(after, toMs) || (stretch === NOT_WATCHED && before.wasFresh),
})

const isFreshAt = ({ lastHeardMs, lastHeardByThemMs, staleAfterMs }: Sight, atMs: number): boolean =>
  [lastHeardMs, lastHeardByThemMs].every((lastMs) => lastMs !== null && atMs < lastMs + staleAfterMs)

type Span = readonly [begin: number, end: number]

/** When one direction was fresh: until the beat known before went stale, and since the one known after came. */
// oxlint-disable-next-line max-params -- two beats, and what they are laid on
function coverage(
  before: number | null,
  after: number | null,
  { begin, end, staleAfterMs }: { begin: number; end: number; staleAfterMs: number },
): readonly Span[] {
  const clip = ([from, to]: Span): Span => [Math.max(from, begin), Math.min(to, end)]
  const first: Span[] = before === null ? [] : [[before, before + staleAfterMs]]
  const later: Span[] = after === null || after === before ? [] : [[after, after + staleAfterMs]]
  const [one, other] = [...first, ...later]
  const joined: readonly Span[] = one && other && other[0] <= one[1] ? [[one[0], other[1]]] : [...first, ...later]
  return joined.map(clip).filter(([from, to]) => to > from)
}

const overlap = (some: readonly Span[], others: readonly Span[]): readonly Span[] =>
  some.flatMap(([from, to]) =>
    others
      .map(([begin, end]): Span => [Math.max(from, begin), Math.min(to, end)])
      .filter(([begin, end]) => end > begin),
  )

const lengthOf = (spans: readonly Span[]): number => spans.reduce((sum, [from, to]) => sum + to - from, 0)

type Silent = { readonly isFresh: boolean; readonly toMs: number; readonly listeningSinceMs: number }

/** How long nothing passed in the direction that was worse: until now, or until a beat came again. */
function silence(before: Sight, after: Sight, { isFresh, toMs, listeningSinceMs }: Silent): number {
  const directions = [
    [before.lastHeardMs, after.lastHeardMs],
    [before.lastHeardByThemMs, after.lastHeardByThemMs],
  ] as const
  const gaps = directions.map(([was, is]) => {
    const since = Math.max(isFresh ? (was ?? listeningSinceMs) : (is ?? listeningSinceMs), listeningSinceMs)
    return (isFresh ? (is ?? toMs) : toMs) - since
  })
  return Math.max(0, ...gaps)
}
