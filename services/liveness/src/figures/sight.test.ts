import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOT_WATCHED, seenOf, stretchOf, type Seen } from './sight.ts'

const STALE = 300
const sight = (lastHeardMs: number | null, lastHeardByThemMs = lastHeardMs): Seen => ({
  lastHeardMs,
  lastHeardByThemMs,
  staleAfterMs: STALE,
  wasFresh: true,
})
/** One whose silence is counted already. */
const silent = (lastHeardMs: number): Seen => ({ ...sight(lastHeardMs), wasFresh: false })
/** From 10,000 to 10,100, having listened for long. */
const between = { fromMs: 10_000, toMs: 10_100, listeningSinceMs: 0 }

test('while beats go both ways all of the time is fresh', () => {
  expect(stretchOf(sight(9_990), sight(10_090), between)).toEqual({
    watchedMs: 100,
    bothMs: 100,
    heardMs: 100,
    heardByThemMs: 100,
    silences: 0,
    longestSilenceMs: 0,
  })
})

test('a direction that goes stale counts to the moment at which it does, and one silence', () => {
  expect(stretchOf(sight(9_740, 10_000), sight(9_740, 10_090), between)).toEqual({
    watchedMs: 100,
    bothMs: 40,
    heardMs: 40,
    heardByThemMs: 100,
    silences: 1,
    longestSilenceMs: 360,
  })
})

test('what stays silent is no new silence, and goes on growing', () => {
  expect(stretchOf(silent(9_000), sight(9_000), between)).toMatchObject({
    bothMs: 0,
    silences: 0,
    longestSilenceMs: 1_100,
  })
})

test('a beat that ends a silence counts from when it came; the silence was as long as nothing came', () => {
  expect(stretchOf(silent(9_000), sight(10_080), between)).toMatchObject({
    watchedMs: 100,
    bothMs: 20,
    silences: 0,
    longestSilenceMs: 1_080,
  })
})

test('who fell silent and came back between two looks was silent once', () => {
  expect(stretchOf(sight(9_720), sight(10_050), between)).toMatchObject({
    bothMs: 70,
    silences: 1,
    longestSilenceMs: 330,
  })
})

test('who was never heard is watched, and not heard', () => {
  expect(stretchOf(sight(null), sight(null), between)).toMatchObject({ watchedMs: 100, bothMs: 0, heardMs: 0 })
})

describe('time in which we did not listen', () => {
  test('counts for nothing', () => {
    const anew = { ...between, listeningSinceMs: 10_060 }
    expect(stretchOf(sight(9_990), sight(10_090), anew)).toMatchObject({ watchedMs: 40, bothMs: 40 })
    expect(stretchOf(sight(9_990), sight(10_090), { ...between, listeningSinceMs: 10_100 })).toEqual(NOT_WATCHED)
  })

  test('nor does silence before we have listened for a whole stale limit: it may be ours', () => {
    const since = (listeningSinceMs: number) => stretchOf(sight(5_000), sight(5_000), { ...between, listeningSinceMs })
    expect(since(9_900)).toEqual(NOT_WATCHED)
    expect(since(9_750)).toMatchObject({ watchedMs: 50, bothMs: 0, longestSilenceMs: 350 })
  })

  test('but a silence that began in it is one as soon as it can be watched, and once', () => {
    const since = { listeningSinceMs: 9_750 }
    const begins = { ...since, fromMs: 9_950, toMs: 10_000 }
    expect(stretchOf(sight(9_690), sight(9_690), begins)).toEqual(NOT_WATCHED)
    const seen = seenOf(sight(9_690), sight(9_690), { toMs: 10_000, stretch: NOT_WATCHED })
    const goesOn = { ...since, fromMs: 10_000, toMs: 10_100 }
    const stretch = stretchOf(seen, sight(9_690), goesOn)
    expect(stretch).toMatchObject({ watchedMs: 50, bothMs: 0, silences: 1 })
    const after = seenOf(seen, sight(9_690), { toMs: 10_100, stretch })
    expect(stretchOf(after, sight(9_690), { ...since, fromMs: 10_100, toMs: 10_200 })).toMatchObject({ silences: 0 })
  })

  test('nor is it one, nor any time of it, if beats are back before that', () => {
    const between = { listeningSinceMs: 9_750, fromMs: 10_000, toMs: 10_040 }
    const stretch = stretchOf(sight(9_690), sight(10_020), between)
    expect(stretch).toEqual(NOT_WATCHED)
    const seen = seenOf(sight(9_690), sight(10_020), { toMs: 10_040, stretch })
    const goesOn = { ...between, fromMs: 10_040, toMs: 10_100 }
    expect(stretchOf(seen, sight(10_020), goesOn)).toMatchObject({ watchedMs: 60, bothMs: 60, silences: 0 })
  })
})

test('whatever was seen, the parts are parts of the whole', () => {
  const direction = fc
    .tuple(fc.option(fc.integer({ min: 9_000, max: 10_000 })), fc.option(fc.integer({ min: 10_000, max: 10_100 })))
    .map(([was, came]) => ({ was, is: came ?? was }))
  fc.assert(
    fc.property(direction, direction, fc.integer({ min: 0, max: 10_200 }), (theirs, ours, listeningSinceMs) => {
      const before = { lastHeardMs: theirs.was, lastHeardByThemMs: ours.was, staleAfterMs: STALE, wasFresh: true }
      const after = { lastHeardMs: theirs.is, lastHeardByThemMs: ours.is, staleAfterMs: STALE }
      const stretch = stretchOf(before, after, { ...between, listeningSinceMs })
      expect(stretch.watchedMs).toBeLessThanOrEqual(100)
      expect(stretch.heardMs).toBeLessThanOrEqual(stretch.watchedMs)
      expect(stretch.heardByThemMs).toBeLessThanOrEqual(stretch.watchedMs)
      expect(stretch.bothMs).toBeLessThanOrEqual(Math.min(stretch.heardMs, stretch.heardByThemMs))
      expect(stretch.bothMs).toBeGreaterThanOrEqual(0)
      expect(stretch.longestSilenceMs).toBeGreaterThanOrEqual(0)
      if (stretch.silences > 0) expect(stretch.longestSilenceMs).toBeGreaterThan(0)
    }),
    { numRuns: 5_000 },
  )
})
