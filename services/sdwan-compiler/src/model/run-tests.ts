import type { Id, ReachabilityTest } from '../world.ts'
import { explainPlaces } from './explain.ts'
import { kindOfPlace } from './kinds.ts'
import type { Model } from './model.ts'
import { type NoPlace, type Place, placeOf, tagged } from './place.ts'
import { testEntryOf, whomOf } from './test-entry.ts'

export type TestOutcome = {
  readonly testId: Id
  readonly name: string
  readonly passed: boolean
  /** The first that is not as it should be, in a sentence; empty when it passed. */
  readonly failure: string
}

/** Every test of the World, tried on what was compiled from it. What cannot be tried fails: a test MUST NOT pass unread. */
export function runTests(model: Model, tests: readonly ReachabilityTest[] = model.compiled.world.tests): TestOutcome[] {
  return tests.map((test) => {
    const failure = failureOf(model, test)
    return { testId: test.id, name: test.name, passed: failure === '', failure }
  })
}

function failureOf(model: Model, test: ReachabilityTest): string {
  const sources = placesOf(model, whomOf(test.src))
  if ('unknown' in sources) return sources.unknown
  const entries = [
    ...test.accept.map((text) => ({ text, expected: true })),
    ...test.deny.map((text) => ({ text, expected: false })),
  ]
  for (const { text, expected } of entries) {
    const entry = testEntryOf(text)
    if (!entry) return `${text} is not of the form <destination>:<protocol>/<port>`
    const targets = placesOf(model, entry.dst)
    if ('unknown' in targets) return targets.unknown
    for (const [src, dst] of pairsOf(model, sources, targets)) {
      const { reachable, verdict } = explainPlaces(model, { src, dst, protocol: entry.protocol, port: entry.port })
      if (reachable !== expected) return `${text} should be ${expected ? 'accepted' : 'denied'}: ${verdict}`
    }
  }
  return ''
}

function placesOf(model: Model, whom: { kind: 'tag' | 'place'; text: string }): readonly Place[] | NoPlace {
  if (whom.kind === 'tag') {
    const places = tagged(model, whom.text)
    return places.length > 0 ? places : { unknown: `nobody bears the tag ${whom.text}` }
  }
  const place = placeOf(model, whom.text)
  return 'unknown' in place ? place : [place]
}

/**
 * Each with each, but one of a kind: whom no artifact tells apart have the same answer. Nobody is tried with himself, so of
 * each kind two stand for all.
 */
function* pairsOf(model: Model, sources: readonly Place[], targets: readonly Place[]): Generator<[Place, Place]> {
  const [ofSources, ofTargets] = [twoOfAKind(model, sources), twoOfAKind(model, targets)]
  for (const src of ofSources) {
    for (const dst of ofTargets) if (src.ip.hex !== dst.ip.hex || sources.length === 1) yield [src, dst]
  }
}

function twoOfAKind(model: Model, places: readonly Place[]): readonly Place[] {
  if (places.length <= 2) return places
  const kinds = Map.groupBy(places, (place) => (place.member ? kindOfPlace(model, place.member) : place.ip.hex))
  return [...kinds.values()].flatMap((alike) => alike.slice(0, 2))
}
