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
  /** Null: that it left, as its caller writes down before it does. */
  readonly allowed: boolean | null
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
 * The content id is the caller's own, so what two sides tell of one call has the same one and the same caller. Of a call its
 * caller tells how often it left, and what came of it; its callee tells of each time that it came. What came of a call is held
 * against one of those; others are told again only as often as it left once more. What is left over is a difference. Three
 * things are none: what is too fresh; what its caller does not call allowed and nobody else met, since it was not sent, or was
 * turned away before anything was decided; and a call that its callee allowed and its caller calls refused, since the answer
 * may have been lost, or been a "no" of another kind.
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
    const [callers, callees] = [
      group.filter(isCallers),
      group.filter((call) => !isCallers(call) && call.allowed !== null),
    ]
    const sent = callers.filter(({ allowed }) => allowed === null)
    const ended = callers.filter(({ allowed }) => allowed !== null)
    const calls = ended.length > 0 ? ended : sent.slice(0, 1)
    let again = sent.length - calls.length
    const met = [...callees]
    const unmet: ToldCall[] = []
    for (const call of calls) {
      const found = met.findIndex((one) => isAlike(call, one))
      const [twin] = met.splice(found < 0 ? -1 : found, 1)
      if (twin) this.#pair(call, twin)
      else unmet.push(call)
    }
    for (const call of unmet) this.#alone(call, callees[0])
    for (const call of met) {
      const isAgain = again > 0 && call.resource === calls[0]?.resource
      if (isAgain) again--
      else this.#alone(call, calls[0])
    }
  }

  #pair(call: ToldCall, met: ToldCall): void {
    if (isAlike(call, met)) {
      this.counts.matched++
      return
    }
    const [here, there] = call.side === 'here' ? [call, met] : [met, call]
    this.#found('differing', here, there, `here ${inWords(here)}, there ${inWords(there)}`)
  }

  #alone(call: ToldCall, twin: ToldCall | undefined): void {
    if (!twin && isCallers(call) && call.allowed === false) {
      this.counts.unsent++
      return
    }
    if (call.at >= (call.side === 'here' ? this.#bounds.toldThere : this.#bounds.toldHere)) {
      this.counts.pending++
      if (!this.openSince || call.at < this.openSince) this.openSince = call.at
      return
    }
    if (!twin && call.allowed === null) {
      this.counts.unsent++ // what came of it was lost with the process, and maybe the call as well
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

const isCallers = ({ side, caller }: ToldCall): boolean => (side === 'here') === (caller === 'us')

/** Whether its caller and its callee tell the same of a call. */
function isAlike(call: ToldCall, met: ToldCall): boolean {
  return call.resource === met.resource && !(call.allowed === true && met.allowed === false)
}

const outcomeOf = ({ allowed }: ToldCall): string =>
  allowed === null ? 'left' : allowed ? 'was allowed' : 'was refused'

const inWords = (call: ToldCall): string =>
  `a call of ${call.caller === 'us' ? 'ours' : 'theirs'} for ${call.resource ?? 'nothing named'} ${outcomeOf(call)} at ${call.at.toISOString()}`
