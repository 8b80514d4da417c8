import type { Policy } from './policy.ts'
import { shown } from './shown.ts'

export type ResidencyMode = 'off' | 'advise' | 'enforce'

/** The rules as the policy feed carries them (powernode.policy.v1.ResidencyRules). */
export type ResidencyRulesSaid = {
  /** For peers without a mode or a tag of their own. Empty: off. */
  readonly defaultMode: string
  readonly rules: readonly ResidencyRule[]
  readonly regions: readonly { readonly name: string; readonly parent: string }[]
  /** Where our own data is unless a resource says otherwise. */
  readonly homeRegion: string
}

/** Data of a class may go to these regions only. */
export type ResidencyRule = {
  readonly id: string
  /** Empty: for every peer. */
  readonly peerId: string
  /** "*": every class that the same peer (or everybody) has no rule of its own for. */
  readonly dataClass: string
  readonly allowedRegions: readonly string[]
  /** Empty: as the peer's. */
  readonly mode: string
}

export type ResidencyQuestion = {
  readonly peerId: string
  /** Where the peer says it is: where data that goes to it ends up. */
  readonly declared: string
  readonly dataClass: string
  /** Where the data is; empty: the platform's home region. */
  readonly region: string
}

export type ResidencyVerdict = {
  readonly allowed: boolean
  readonly mode: ResidencyMode
  /** The rule that decided; empty where it was the peer's tag, or nothing was to be decided. */
  readonly ruleId: string
  /** What was found, also where the mode only advises. */
  readonly reason: 'RESIDENCY_VIOLATION' | 'RESIDENCY_UNKNOWN' | ''
  /** Allowed, and would have been refused under enforce. */
  readonly advised: boolean
  readonly destination: string
  readonly resourceRegion: string
  readonly detail: string
}

const STRICTNESS: Readonly<Record<ResidencyMode, number>> = { off: 0, advise: 1, enforce: 2 }

/** A mode that is none, a misspelt one say, is the strictest: nothing is loosened by a mistake. */
function modeOf(text: string, unsaid: ResidencyMode): ResidencyMode {
  if (text === '') return unsaid
  return text === 'off' || text === 'advise' ? text : 'enforce'
}

/** Rules and regions, arranged so that a call looks at those that concern it. Never changed: new rules are a new one. */
export class ResidencyRules {
  readonly homeRegion: string
  readonly defaultMode: ResidencyMode
  /** A region, and all that it lies in, itself first. */
  readonly #within = new Map<string, ReadonlySet<string>>()
  /** By peer ('' for everybody), then by class. */
  readonly #rules = new Map<string, Map<string, ResidencyRule[]>>()

  constructor(said: ResidencyRulesSaid) {
    this.homeRegion = said.homeRegion
    this.defaultMode = modeOf(said.defaultMode, 'off')
    const parents = new Map(said.regions.map(({ name, parent }) => [name, parent]))
    for (const name of parents.keys()) this.#within.set(name, upwards(parents, name))
    for (const rule of said.rules.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
      const ofPeer = this.#rules.get(rule.peerId) ?? new Map<string, ResidencyRule[]>()
      this.#rules.set(rule.peerId, ofPeer)
      ofPeer.set(rule.dataClass, [...(ofPeer.get(rule.dataClass) ?? []), rule])
    }
  }

  /** Names are compared byte by byte: `EU` is not `eu`. */
  knows(region: string): boolean {
    return this.#within.has(region)
  }

  /** Whether a known region is another one, or lies in it. */
  liesIn(region: string, place: string): boolean {
    return this.#within.get(region)?.has(place) ?? false
  }

  /** The rules for data of a class that goes to a peer: those for everybody beside its own. All MUST allow. */
  concerning(peerId: string, dataClass: string): readonly ResidencyRule[] {
    const forAll = this.#of('', dataClass)
    const own = peerId === '' ? NONE : this.#of(peerId, dataClass)
    return own.length === 0 ? forAll : [...forAll, ...own]
  }

  #of(peerId: string, dataClass: string): readonly ResidencyRule[] {
    const rules = this.#rules.get(peerId)
    return rules?.get(dataClass) ?? rules?.get('*') ?? NONE
  }
}

const NONE: readonly ResidencyRule[] = []

/** No rules, no regions: nothing is restricted, and no tag can be met. */
export const NO_RESIDENCY_RULES = new ResidencyRules({ defaultMode: '', rules: [], regions: [], homeRegion: '' })

function upwards(parents: ReadonlyMap<string, string>, name: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (let at: string | undefined = name; at !== undefined && parents.has(at) && !found.has(at); at = parents.get(at))
    found.add(at)
  return found
}

/** One reason why data might not go somewhere. */
type Constraint = {
  readonly ruleId: string
  readonly mode: ResidencyMode
  /** Undefined: anywhere that is known. */
  readonly places: readonly string[] | undefined
}

/**
 * Whether data of a class may go to a peer: the peer's tag, and every rule for the class, MUST allow the place the peer
 * declares; and, where there is a tag, the place it declared when our operator set that. The strictest outcome of all
 * wins, so neither a second rule nor what a peer says of itself loosens anything: a peer that was refused for where it is
 * and declares another place stays refused until an operator sets the tag again. A place that is not among the known
 * regions is refused under enforce.
 */
export function residencyVerdict(
  policy: Pick<Policy, 'residency' | 'residencyOf'>,
  asked: ResidencyQuestion,
): ResidencyVerdict {
  const { residency: rules } = policy
  const { tag = '', mode: said = '', located = '' } = policy.residencyOf(asked.peerId) ?? {}
  const mode = modeOf(said, tag === '' ? rules.defaultMode : 'enforce')
  const destination = asked.declared
  const spots = tag === '' || located === destination ? [destination] : [destination, located]
  const constraints: readonly Constraint[] = [
    { ruleId: '', mode, places: tag === '' ? undefined : [tag] },
    ...rules
      .concerning(asked.peerId, asked.dataClass)
      .map((rule) => ({ ruleId: rule.id, mode: modeOf(rule.mode, mode), places: rule.allowedRegions })),
  ]
  let worst: Finding | undefined
  let strictest = constraints[0] as Constraint // the tag's is always there
  for (const constraint of constraints) {
    if (STRICTNESS[constraint.mode] > STRICTNESS[strictest.mode]) strictest = constraint
    if (constraint.mode === 'off') continue
    if (worst && STRICTNESS[constraint.mode] <= STRICTNESS[worst.of.mode]) continue
    worst = problemOf(rules, constraint, spots) ?? worst
  }
  const found = worst ?? { of: strictest, reason: '', spot: destination }
  const { of: decisive, reason } = found
  const allowed = reason === '' || decisive.mode !== 'enforce'
  return {
    allowed,
    mode: decisive.mode,
    ruleId: decisive.ruleId,
    reason,
    advised: allowed && reason !== '',
    destination,
    resourceRegion: asked.region === '' ? rules.homeRegion : asked.region,
    detail: sentenceOf(rules, found, asked),
  }
}

/** What a constraint says of the first place that it does not allow. */
type Finding = { readonly of: Constraint; readonly reason: ResidencyVerdict['reason']; readonly spot: string }

function problemOf(rules: ResidencyRules, of: Constraint, spots: readonly string[]): Finding | undefined {
  for (const spot of spots) {
    const reason = reasonAgainst(rules, of, spot)
    if (reason !== '') return { of, reason, spot }
  }
  return undefined
}

function reasonAgainst(rules: ResidencyRules, { places }: Constraint, spot: string): ResidencyVerdict['reason'] {
  if (!rules.knows(spot)) return 'RESIDENCY_UNKNOWN'
  if (!places || places.some((place) => rules.liesIn(spot, place))) return ''
  const isMisspelt = places.length > 0 && !places.some((place) => rules.knows(place))
  return isMisspelt ? 'RESIDENCY_UNKNOWN' : 'RESIDENCY_VIOLATION'
}

function sentenceOf(
  rules: ResidencyRules,
  { of: { ruleId, mode, places }, reason, spot }: Finding,
  { declared, dataClass }: ResidencyQuestion,
): string {
  if (mode === 'off') return 'residency is not looked at for this peer'
  const what = `data of class ${shown(dataClass)}`
  const where = places?.map(shown).join(', ')
  const says = ruleId === '' ? 'the tag of the peer' : `rule ${ruleId}`
  if (reason === '')
    return where
      ? `${what} may go to ${shown(declared)}: ${says} says ${where}`
      : `${what} may go to ${shown(declared)}`
  if (spot !== declared) {
    const then = spot === '' ? 'the peer did not say where it was' : `the peer said ${shown(spot)}`
    const why = rules.knows(spot) ? `, and ${says} says ${where || 'nowhere'}` : spot && ', which is no known region'
    return `${what} would go to ${shown(declared)}, but when the tag was set ${then}${why}: the new place counts once the tag is set again`
  }
  if (!rules.knows(declared))
    return declared === ''
      ? `${what} would go to a peer that does not say where it is`
      : `${what} would go to ${shown(declared)}, which is no known region`
  return reason === 'RESIDENCY_UNKNOWN'
    ? `${says} says ${where}, which is no known region`
    : `${what} would go to ${shown(declared)}, and ${says} says ${where || 'nowhere'}`
}
