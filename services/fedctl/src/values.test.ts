import { describe, expect, test } from 'vitest'
import { durationMs, pairs, since, spellOutWait, whole } from './values.ts'

describe('durations', () => {
  test.each([
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
  ])('%s', (text, ms) => expect(durationMs(text)).toBe(ms))

  test.each(['', '5', 's', '5 m', '-5m', '1h x', 'forever'])('"%s" is refused', (text) => {
    expect(() => durationMs(text)).toThrow('A duration looks like')
  })
})

test('a moment is a time or how long ago', () => {
  const now = new Date('2026-11-21T12:00:00Z')
  expect(since('15m', now)).toEqual(new Date('2026-11-21T11:45:00Z'))
  expect(since('2026-11-20T00:00:00Z', now)).toEqual(new Date('2026-11-20T00:00:00Z'))
  expect(() => since('yesterday', now)).toThrow('neither a time')
})

test('a bare --wait takes no word that is not a duration', () => {
  expect(spellOutWait(['peer', 'suspend', '--wait', 'b'])).toEqual(['peer', 'suspend', '--wait=60000ms', 'b'])
  expect(spellOutWait(['peer', 'suspend', '--wait', '30s', 'b'])).toEqual(['peer', 'suspend', '--wait=30s', 'b'])
  expect(spellOutWait(['peer', 'suspend', 'b', '--wait=5m'])).toEqual(['peer', 'suspend', 'b', '--wait=5m'])
  expect(spellOutWait(['peer', 'suspend', 'b', '--wait'])).toEqual(['peer', 'suspend', 'b', '--wait=60000ms'])
})

test('key=value keeps JSON values what they are', () => {
  expect(pairs('sites=[1,2]', pairs('env=prod'))).toEqual({ env: 'prod', sites: [1, 2] })
  expect(pairs('note=a=b')).toEqual({ note: 'a=b' })
  expect(() => pairs('nothing')).toThrow('key=value')
})

test('a whole number is digits alone', () => {
  expect(whole('12')).toBe(12)
  expect(() => whole('1e3')).toThrow('whole number')
})
