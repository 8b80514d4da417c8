/** A call as one of two logs tells it. */
export type ToldCall = {
  /** In our log about the peer, or in the peer's log about us. */
  readonly side: 'here' | 'there'
  /** Null: nothing to compare it by. */
  readonly contentId: string | null
  /** Who called, as this side tells it. */
  readonly caller: 'us' | 'them'
  readonly sequence: number
  readonly at: Date
  readonly allowed: boolean
  readonly resource: string | null
}

export type DifferenceKind = 'missing_here' | 'missing_there' | 'differing' | 'repeated'

/** One call that the two logs do not tell alike. */
export type Difference = {
  readonly kind: DifferenceKind
  readonly contentId: string
  readonly sequence: number | undefined
  readonly remoteSequence: number | undefined
  readonly detail: string
}

export type Counts = Record<DifferenceKind | 'matched' | 'pending' | 'unsent' | 'uncompared', number>

/** Where the two logs can be held against each other. */
export type Bounds = {
  readonly since: Date
  readonly until: Date
  /** What either side says of moments after this, the other may not have told of yet. */
  readonly toldHere: Date
  readonly toldThere: Date
}

/** So many of one side are looked at of one content id; whoever repeats it more often is only counted. */
const MOST_ALIKE = 256

/**
 * Holds two logs against each other, call by call: calls MUST come sorted by content id, caller, side and sequence.
 *
 * The content id is the caller's own, so what two sides tell of one call has the same one and the same caller. Each told call
 * is matched by one of the other side, and what is left over is a difference. Three things are none: what is too fresh; what
 * the caller itself wrote down as refused and nobody else met, since it was not sent; and a call that its callee allowed and
 * its caller calls refused, since the answer may have been lost, or been a "no" of another kind.
 */
export class Comparison {
  readonly counts: Counts = { matched: 0, missing_here: 0, missing_there: 0, differing: 0, repeated: 0, pending: 0, unsent: 0, uncompared: 0 } // prettier-ignore
  /** The first moment that is to be looked at again. */
  openSince: Date | undefined
  readonly #bounds: Bounds
  readonly #differences: Difference[] = []
  #group: ToldCall[] = []
  #alike = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  take(call: ToldCall): void {
    const [first] = this.#group
    if (first && (first.contentId !== call.contentId || first.caller !== call.caller)) this.#judge()
    if (call.contentId === null) {
      if (this.#isInside(call)) this.counts.uncompared++
      return
    }
    this.#alike = this.#group.at(-1)?.side === call.side ? this.#alike + 1 : 1
    if (this.#alike <= MOST_ALIKE) this.#group.push(call)
    else if (this.#isInside(call)) this.counts.repeated++
  }

  /** No more calls come. */
  end(): void {
    this.#judge()
  }

  /** What was found since the last look. */
  takeDifferences(): Difference[] {
    return this.#differences.splice(0)
  }

  #judge(): void {
    const group = this.#group
    this.#group = []
    if (!group.some((call) => this.#isInside(call))) return
    const here = group.filter(({ side }) => side === 'here')
    const there = group.filter(({ side }) => side === 'there')
    const pairs = Math.min(here.length, there.length)
    for (let i = 0; i < pairs; i++) this.#pair(here[i], there[i])
    for (const call of here.slice(pairs)) this.#alone(call, there[0])
    for (const call of there.slice(pairs)) this.#alone(call, here[0])
  }

  #pair(here: ToldCall | undefined, there: ToldCall | undefined): void {
    if (!here || !there) return
    const isLie = here.caller === 'us' ? here.allowed && !there.allowed : there.allowed && !here.allowed
    if (here.resource === there.resource && !isLie) this.counts.matched++
    else this.#found('differing', here, there, `here ${inWords(here)}, there ${inWords(there)}`)
  }

  #alone(call: ToldCall, twin: ToldCall | undefined): void {
    const isCallers = (call.side === 'here') === (call.caller === 'us')
    if (!twin && isCallers && !call.allowed) {
      this.counts.unsent++
      return
    }
    if (call.at >= (call.side === 'here' ? this.#bounds.toldThere : this.#bounds.toldHere)) {
      this.counts.pending++
      if (!this.openSince || call.at < this.openSince) this.openSince = call.at
      return
    }
    const [here, there] = call.side === 'here' ? [call, twin] : [twin, call]
    const kind = twin ? 'repeated' : call.side === 'here' ? 'missing_there' : 'missing_here'
    this.#found(kind, here, there, `${call.side} ${inWords(call)}`)
  }

  // oxlint-disable-next-line max-params -- what, on both sides, and in words
  #found(kind: DifferenceKind, here: ToldCall | undefined, there: ToldCall | undefined, detail: string): void {
    this.counts[kind]++
    const contentId = here?.contentId ?? there?.contentId ?? ''
    this.#differences.push({ kind, contentId, sequence: here?.sequence, remoteSequence: there?.sequence, detail })
  }

  #isInside({ at }: ToldCall): boolean {
    return at >= this.#bounds.since && at < this.#bounds.until
  }
}

const inWords = ({ caller, allowed, resource, at }: ToldCall): string =>
  `a call of ${caller === 'us' ? 'ours' : 'theirs'} for ${resource ?? 'nothing named'} was ${allowed ? 'allowed' : 'refused'} at ${at.toISOString()}`
