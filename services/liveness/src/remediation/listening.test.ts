import { expect, test } from 'vitest'
import { unheard } from '../freshness.ts'
import { heedAnew, listen, type Listening, type Tick } from './listening.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000)
const before: Listening = { since: at(-9_000), reason: 'started', tickedAt: at(-10) }
const tick = (said: Partial<Tick> = {}): Tick => ({
  now: NOW,
  tickMs: 10_000,
  elapsedMs: 10_000,
  earOpen: true,
  ...said,
})
const reasonOf = (said: Partial<Tick>, from: Listening | undefined = before) => {
  const { after, anew } = listen(from, tick(said))
  return anew ? after.reason : undefined
}

test('tick by tick, listening goes on', () => {
  expect(listen(before, tick())).toEqual({ after: { ...before, tickedAt: NOW }, anew: false })
})

test('another leader inherits it within three ticks', () => {
  expect(reasonOf({ elapsedMs: null }, { ...before, tickedAt: at(-30) })).toBeUndefined()
  expect(reasonOf({ elapsedMs: null }, { ...before, tickedAt: at(-31) })).toBe('nobody listened for 31 s')
})

test.each([
  ['we were down for an hour', { elapsedMs: null, now: at(3_590) }, 'nobody listened for 60 min'],
  ['the clock was set back while nobody ran', { elapsedMs: null, now: at(-3_610) }, 'the clock went back by 60 min'],
  ['our database stalled for six minutes', { elapsedMs: 360_000, now: at(350) }, 'stalled for 6 min'],
  ['the clock jumped ahead', { now: at(3_600) }, 'the clock went forward by 60 min'],
  ['the clock jumped back', { now: at(-3_600) }, 'the clock went back by 60 min'],
  ['no gateway can tell us of beats', { earOpen: false }, 'no gateway was connected'],
] as const)('%s: silence counts anew, and it is said why', (_, said, reason) => {
  expect(reasonOf(said)).toBe(reason)
  expect(listen(before, tick(said)).after.since).toEqual(tick(said).now)
})

test('the first tick of all begins it', () => {
  expect(listen(undefined, tick({ elapsedMs: null }))).toMatchObject({ anew: true, after: { reason: 'started' } })
})

test('a peer has a whole stale limit when listening begins anew, and was never heard in the future', () => {
  const heard = { ...unheard('p', 300_000), announced: 'heard' as const, silentAt: at(-5), lastHeardByThemAt: at(-90) }
  expect(heedAnew({ ...heard, lastHeardAt: at(3_600) }, NOW)).toMatchObject({
    lastHeardAt: NOW,
    lastHeardByThemAt: at(-90),
    silentAt: at(300),
  })
})
