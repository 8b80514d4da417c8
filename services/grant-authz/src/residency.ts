import { Refusal } from '@powernode/rpc'
import { liesIn, requireRegion, type Regions } from './region.ts'

export const MODES = ['off', 'advise', 'enforce'] as const
export type Mode = (typeof MODES)[number]

/** What we have said of a peer's data, and what the peer says of itself. */
export type Residency = {
  readonly peerId: string
  /** Where data that goes to the peer has to stay. Undefined: no tag of ours. */
  readonly tag: string | undefined
  /** Empty: enforce where there is a tag, else the default. */
  readonly mode: Mode | ''
  readonly reason: string
  readonly setBy: string
  readonly setAt: Date | undefined
  /** What the peer said of itself when the tag was set. Empty: nothing, or there is no tag. */
  readonly located: string
  /** What it says now: where we have set a tag, one more place that has to be allowed, and nothing else. */
  readonly declared: string
  /** Declarations that were announced already, since the tag was set. */
  readonly announced: readonly string[]
}

/** Data of a class may go to these regions only. */
export type ResidencyRule = {
  readonly id: string
  /** Undefined: for every peer. */
  readonly peerId: string | undefined
  readonly dataClass: string
  readonly allowedRegions: readonly string[]
  /** Empty: as the peer's. */
  readonly mode: Mode | ''
}

/** What holds for all peers. */
export type ResidencySettings = {
  readonly defaultMode: Mode
  readonly homeRegion: string | undefined
  /** Whether the home region was ever said: by the configuration at first start, or by an operator. */
  readonly begun: boolean
}

const MOST_REGIONS_OF_A_RULE = 32
const DATA_CLASS = /^(\*|[a-z0-9][a-z0-9._-]{0,63})$/

/** The mode of what was said; what is none was let through by nobody who checks the message, so it is a fault. */
export function modeFrom(text: string): Mode | '' {
  const mode = (['', ...MODES] as const).find((known) => known === text)
  if (mode === undefined)
    throw new Refusal('REQUEST_INVALID', `${JSON.stringify(text)} is no mode: ${MODES.join(', ')}`)
  return mode
}

/**
 * Refuses a tag that is no region of ours. A tag says where data stays; with it comes enforce, unless said otherwise, and
 * the place that the peer declares is pinned: setting a tag again is how an operator accepts another one.
 */
export function retag(
  regions: Regions,
  before: Residency,
  said: Pick<Residency, 'tag' | 'mode' | 'reason' | 'setBy' | 'located'> & { readonly setAt: Date },
): Residency {
  if (said.tag !== undefined) requireRegion(regions, said.tag)
  const mode = said.mode === '' && said.tag !== undefined ? 'enforce' : said.mode
  const located = said.tag === undefined ? '' : said.located
  const announced = said.tag === before.tag && located === before.located ? before.announced : []
  return { ...before, ...said, mode, located, announced }
}

/** Whether two residencies of a peer decide alike. */
export function sameDecision(a: Residency, b: Residency): boolean {
  return a.tag === b.tag && a.mode === b.mode && a.located === b.located
}

const MOST_ANNOUNCED = 16

/**
 * What is new about a declaration: the peer says that it is outside of our tag; inside of it again, as when that was set,
 * so that data goes there; or inside now, which counts for nothing until an operator sets the tag again.
 */
export type DeclaredNews = 'outside' | 'back' | 'inside'

/**
 * What a peer declares of itself is noted; our tag, and what is pinned beside it, stay as they are. It is news when it lies
 * outside of the tag, and when it lies inside and the claim before, or the one that is pinned, did not. Each place is told
 * of once, and so many in all: our ledger is not a peer's to fill.
 */
export function declare(
  regions: Regions,
  before: Residency,
  declared: string,
): { readonly after: Residency; readonly news: DeclaredNews | undefined } {
  const { tag, located, announced } = before
  const isInside = (said: string) => tag !== undefined && liesIn(regions, said, tag)
  const isOutside = (said: string) => tag !== undefined && said !== '' && !isInside(said)
  const inside = !isInside(located) ? 'inside' : isOutside(before.declared) ? 'back' : undefined
  const found = isOutside(declared) ? 'outside' : isInside(declared) ? inside : undefined
  const news = announced.includes(declared) || announced.length >= MOST_ANNOUNCED ? undefined : found
  return { after: { ...before, declared, announced: news ? [...announced, declared] : announced }, news }
}

/** Refuses a rule that names a class or a region that cannot be, or the same region twice, or none. */
export function checkRule(regions: Regions, rule: ResidencyRule): void {
  const { dataClass, allowedRegions } = rule
  if (!DATA_CLASS.test(dataClass)) {
    throw invalid(`${JSON.stringify(dataClass)} is no class of data: small letters, digits and . _ -, or * for all`)
  }
  if (allowedRegions.length === 0) throw invalid('a rule names the regions that data may go to; it names none')
  if (allowedRegions.length > MOST_REGIONS_OF_A_RULE) {
    throw invalid(`a rule names ${MOST_REGIONS_OF_A_RULE} regions at most: name the larger ones they lie in`)
  }
  for (const name of allowedRegions) requireRegion(regions, name)
  if (new Set(allowedRegions).size < allowedRegions.length) throw invalid('a rule names a region twice')
}

const invalid = (sentence: string): Refusal => new Refusal('REQUEST_INVALID', sentence)
