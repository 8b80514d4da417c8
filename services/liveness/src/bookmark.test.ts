import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LARGEST_NUMBER, NO_BOOKMARK, bookmark, laterBookmark, leapsOver, numberOf, turnPage, type Bookmark } from './bookmark.ts' // prettier-ignore

const NOTHING = { shownBookmark: NO_BOOKMARK, givenBookmark: NO_BOOKMARK }

/** A sender and a receiver, each with what is in its database, and what is said of whom. */
class Pair {
  held: Bookmark = NO_BOOKMARK
  kept = NOTHING
  readonly said: string[] = []

  /** A beat, and its answer unless that is lost. */
  beat({ isAnswered = true, shows = this.held }: { isAnswered?: boolean; shows?: Bookmark | null } = {}): this {
    const { wentBack, ...kept } = turnPage(this.kept, shows)
    if (wentBack) this.said.push('they went back')
    this.kept = kept
    if (!isAnswered) return this
    if (shows && leapsOver(shows, kept.givenBookmark)) this.said.push('we went back')
    this.held = laterBookmark(this.held, kept.givenBookmark)
    return this
  }
  beats(count: number): this {
    for (let at = 0; at < count; at++) this.beat()
    return this
  }
}

test('from the first contact on, who shows what it was given is given the next', () => {
  const pair = new Pair().beats(3)
  expect([pair.held, pair.kept.shownBookmark].map(numberOf)).toEqual([3n, 2n])
  expect(pair.said).toEqual([])
})

test('who was restored from a backup shows less than it once did: said once, on both sides, and it goes on from there', () => {
  const pair = new Pair().beats(5)
  const backup = pair.held
  pair.beats(2).held = backup
  expect(pair.beats(4).said).toEqual(['they went back', 'we went back'])
  expect(numberOf(pair.held)).toBe(10n)
})

test('a backup from before the first contact is found as well', () => {
  const pair = new Pair().beats(2)
  pair.held = NO_BOOKMARK
  expect(pair.beats(3).said).toEqual(['they went back', 'we went back'])
})

test('as long as answers are lost, one who went back is found once, and learns of it by the first answer', () => {
  const pair = new Pair().beats(7)
  pair.held = bookmark(2n, Buffer.alloc(16, 'two'))
  for (let lost = 0; lost < 5; lost++) pair.beat({ isAnswered: false })
  expect(pair.said).toEqual(['they went back'])
  expect(pair.beats(3).said).toEqual(['they went back', 'we went back'])
})

test('a newer backup that is restored right after an older one is found too', () => {
  const pair = new Pair().beats(4)
  const [older, newer] = [pair.held, pair.beats(3).held]
  pair.beats(3).held = older
  pair.beat({ isAnswered: false })
  pair.held = newer
  expect(pair.beats(2).said).toEqual(['they went back', 'they went back', 'we went back'])
})

test('answers may be lost in any number: nobody forgot anything', () => {
  const pair = new Pair().beats(3)
  for (let lost = 0; lost < 20; lost++) pair.beat({ isAnswered: false })
  expect(pair.beats(3).said).toEqual([])
  expect(numberOf(pair.held)).toBe(6n)
})

test('who cannot look into its database is believed whatever it does not show', () => {
  const pair = new Pair().beats(3)
  for (let blind = 0; blind < 5; blind++) pair.beat({ shows: null })
  expect(pair.beats(3).said).toEqual([])
})

test('a receiver that was restored itself accuses nobody, whatever it has forgotten', () => {
  for (const lived of [0, 1, 2, 9]) {
    const pair = new Pair().beats(4)
    const { kept } = pair
    pair.beats(lived).kept = kept
    expect(pair.beats(3).said, `after ${lived} beats`).toEqual([])
    pair.kept = NOTHING
    expect(pair.beats(3).said, `after ${lived} beats, and then all`).toEqual([])
  }
})

test('of two that were both restored the one that knows less is found, and nobody when they know the same', () => {
  const pair = new Pair().beats(3)
  const [early, late] = [
    { held: pair.held, kept: pair.kept },
    { ...pair.beats(4), said: undefined },
  ]
  Object.assign(pair.beats(3), early)
  expect(pair.beats(3).said).toEqual([])
  Object.assign(pair, { held: early.held, kept: late.kept })
  expect(pair.beats(2).said).toEqual(['they went back', 'we went back'])
})

test('a number that cannot be exceeded drives nothing over its end', () => {
  const last = bookmark(LARGEST_NUMBER, Buffer.alloc(16, 1))
  const { givenBookmark } = turnPage(NOTHING, last)
  expect(numberOf(givenBookmark)).toBe(LARGEST_NUMBER)
  expect(numberOf(turnPage({ shownBookmark: last, givenBookmark }, givenBookmark).givenBookmark)).toBe(LARGEST_NUMBER)
})

/** Lost answers, databases that do not answer, backups of either side, in any order. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.constant('beat' as const) },
  { weight: 3, arbitrary: fc.constantFrom('lost', 'blind', 'receiver backs up', 'receiver is restored') },
)

test('whatever happens to a receiver and to answers, nobody is accused whose own database never went back', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 60 }), (story) => {
      const pair = new Pair()
      let backup: typeof NOTHING | undefined = NOTHING
      for (const what of story) {
        if (what === 'beat') pair.beat()
        else if (what === 'lost') pair.beat({ isAnswered: false })
        else if (what === 'blind') pair.beat({ shows: null })
        else if (what === 'receiver backs up') backup = pair.kept
        // Once each: who restores one backup after another may hold two memories of one number.
        else if (backup) [pair.kept, backup] = [backup, undefined]
      }
      expect(pair.said).toEqual([])
    }),
    { numRuns: 500 },
  )
})

test('a sender whose backup lacks an answer it has shown since is found with its first beat, whatever was lost', () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 30 }), fc.nat(9), fc.nat(9), (story, lives, restarts) => {
      const pair = new Pair()
      for (const what of story) pair.beat({ isAnswered: what === 'beat' })
      const backup = pair.held
      pair.beat().beat({ isAnswered: false }).beats(lives).held = backup
      for (let restart = 0; restart < restarts; restart++) pair.beat({ isAnswered: false })
      expect(pair.beat().said).toEqual(['they went back', 'we went back'])
    }),
  )
})
