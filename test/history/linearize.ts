/** What can be done to a thing, and what it answers. A step that the model does not allow in a state is undefined. */
export type Model<State, Deed> = {
  readonly initial: State
  readonly step: (state: State, deed: Deed) => State | undefined
  /** MUST be true only of deeds that leave every state as it is. */
  readonly isRead: (deed: Deed) => boolean
}

/** A deed with the places, in the order of time, where it began and where it came back; undefined: never. */
export type Interval<Deed> = { readonly deed: Deed; readonly begin: number; readonly end: number | undefined }

/**
 * Whether the deeds can be put into one order that agrees with real time (what ended before another began stands before
 * it) and in which the model allows each: Wing and Gong's search, with Lowe's memory of what was tried.
 *
 * A deed that never came back may stand anywhere after its beginning, or nowhere. A read takes its place as soon as it
 * may: no other order is lost by that, since the others do not notice. So only deeds that can change something are tried
 * in several orders, and a hundred thousand checks of a few grants take no time.
 */
export function isLinearizable<State extends string | number, Deed>(
  { initial, step, isRead }: Model<State, Deed>,
  intervals: readonly Interval<Deed>[],
): boolean {
  const deeds = intervals.toSorted((a, b) => a.begin - b.begin)
  const mustEnd = deeds.filter(({ end }) => end !== undefined).length
  const placed = new Uint8Array(deeds.length)
  const tried = new Set<string>()
  /** What was placed since a change was tried, to be taken back with it. */
  const trail: number[] = []
  let ended = 0

  const place = (index: number): void => {
    placed[index] = 1
    trail.push(index)
    if (deeds[index]?.end !== undefined) ended++
  }
  const takeBack = (length: number): void => {
    while (trail.length > length) {
      const index = trail.pop() ?? 0
      placed[index] = 0
      if (deeds[index]?.end !== undefined) ended--
    }
  }

  /** Those that may be next: begun before any that is not placed yet has ended. */
  const candidates = (from: number): number[] => {
    const found: number[] = []
    let firstEnd = Infinity
    for (let index = from; index < deeds.length; index++) {
      const { begin, end } = deeds[index] as Interval<Deed>
      if (begin > firstEnd) break
      if (placed[index]) continue
      found.push(index)
      if (end !== undefined && end < firstEnd) firstEnd = end
    }
    return found
  }

  const search = (state: State, start: number): boolean => {
    let from = start
    let open: number[] = []
    for (let isMoving = true; isMoving;) {
      while (placed[from]) from++
      open = candidates(from)
      const still = open.filter((index) => {
        const { deed } = deeds[index] as Interval<Deed>
        return isRead(deed) && step(state, deed) !== undefined
      })
      for (const index of still) place(index)
      isMoving = still.length > 0
    }
    if (ended === mustEnd) return true
    const key = `${state} ${Buffer.from(placed).toString('latin1')}`
    if (!tried.has(key)) {
      tried.add(key)
      for (const index of open) {
        const next = step(state, (deeds[index] as Interval<Deed>).deed)
        if (next === undefined) continue
        const length = trail.length
        place(index)
        if (search(next, from)) return true
        takeBack(length)
      }
    }
    return false
  }
  return search(initial, 0)
}
