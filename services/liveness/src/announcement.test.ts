import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  BEATING,
  announceBundle,
  announceHeard,
  announceSilent,
  announcesRestore,
  reconcile,
  type Announcing,
  type PeerState,
} from './announcement.ts'
import { hearing, unheard, type Freshness } from './freshness.ts'

const START = new Date('2026-05-01T12:00:00Z')
const STALE_AFTER_MS = 10_000
const STATES: readonly PeerState[] = ['unknown', 'accepted', 'enrolled', 'active', 'degraded', 'suspended', 'revoked']

type Step = { readonly waitMs: number; readonly act: 'hear' | 'be heard' | 'sweep' | 'reconcile' }
const steps = fc.array(
  fc.record<Step>({
    waitMs: fc.nat(6_000),
    act: fc.constantFrom('hear', 'be heard', 'sweep', 'reconcile'),
  }),
  { maxLength: 60 },
)

/** Plays peer-registry: it moves at once when told, as the real one does when nothing is lost. */
function play(script: readonly Step[], { deaf = false } = {}) {
  let of = unheard('p', STALE_AFTER_MS)
  let state: PeerState = 'enrolled'
  let nowMs = START.getTime()
  const told: string[] = []
  for (const { waitMs, act } of script) {
    nowMs += waitMs
    const now = new Date(nowMs)
    const { after, announcement } = doIt(of, act, state, now)
    of = after
    if (announcement) told.push(announcement)
    if (announcement && !deaf) state = announcement === 'heard' ? 'active' : 'degraded'
    expect((of.announced === 'heard') === (of.silentAt !== null)).toBe(true)
  }
  return { of, state, told, now: new Date(nowMs) }
}

function doIt(of: Freshness, act: Step['act'], state: PeerState, now: Date): Announcing {
  if (act === 'hear') return announceHeard({ ...of, lastHeardAt: now }, state, now)
  if (act === 'be heard') return announceHeard({ ...of, lastHeardByThemAt: now }, state, now)
  return act === 'sweep' ? announceSilent(of, now) : reconcile(of, state, now)
}

test('news alternates: nobody is told the same thing twice in a row by peers that listen', () => {
  fc.assert(
    fc.property(steps, (script) => {
      const { told } = play(script)
      told.forEach((word, index) => expect(word).toBe(index % 2 === 0 ? 'heard' : 'silent'))
    }),
  )
})

test('whatever happened, one sweep and one look later the state says what is true', () => {
  fc.assert(
    fc.property(steps, fc.nat(30_000), (script, silenceMs) => {
      const ending: Step[] = [
        { waitMs: silenceMs, act: 'sweep' },
        { waitMs: 0, act: 'reconcile' },
      ]
      const { of, state, now } = play([...script, ...ending])
      const both = hearing(of, now) === 'both'
      if (state === 'active') expect(both).toBe(true)
      if (both) expect(state).toBe('active')
    }),
  )
})

test('a listener that misses everything is told again, but not more often than every five seconds', () => {
  const script: Step[] = [
    { waitMs: 0, act: 'hear' },
    { waitMs: 0, act: 'be heard' },
    { waitMs: 1_000, act: 'reconcile' },
    { waitMs: 3_999, act: 'reconcile' },
    { waitMs: 1, act: 'reconcile' },
    { waitMs: 4_000, act: 'reconcile' },
  ]
  expect(play(script, { deaf: true }).told).toEqual(['heard', 'heard'])
})

test('in states that expect no beats nothing is announced, and what was announced is withdrawn without noise', () => {
  const heard: Freshness = {
    ...unheard('p', STALE_AFTER_MS),
    lastHeardAt: START,
    lastHeardByThemAt: START,
    announced: 'heard',
    announcedAt: START,
    silentAt: new Date(START.getTime() + STALE_AFTER_MS),
  }
  for (const state of STATES.filter((one) => !BEATING.includes(one))) {
    const fresh: Freshness = { ...heard, announced: 'unknown', announcedAt: null, silentAt: null }
    expect(announceHeard(fresh, state, START).announcement).toBeNull()
    expect(reconcile(heard, state, START)).toEqual({ after: fresh, announcement: null })
    expect(reconcile(fresh, state, START).after).toBe(fresh)
  }
})

test('a peer that is active though we never heard of it has one stale limit to be heard in', () => {
  const { after, announcement } = reconcile(unheard('p', STALE_AFTER_MS), 'active', START)
  expect(announcement).toBeNull()
  expect(announceSilent(after, new Date(START.getTime() + STALE_AFTER_MS - 1)).announcement).toBeNull()
  expect(announceSilent(after, new Date(START.getTime() + STALE_AFTER_MS)).announcement).toBe('silent')
})

test('one-way silence is silence', () => {
  const script: Step[] = [
    { waitMs: 0, act: 'hear' },
    { waitMs: 0, act: 'be heard' },
    { waitMs: 9_000, act: 'hear' },
    { waitMs: 1_000, act: 'sweep' },
  ]
  const { told, of, now } = play(script)
  expect(told).toEqual(['heard', 'silent'])
  expect(hearing(of, now)).toBe('we_hear_them')
})

test('a newer trust bundle is told once, again after a minute while it is still missing, and never when we hold it', () => {
  const theirs = (sequence: bigint, of: Freshness): Freshness => ({ ...of, trustBundleSequence: sequence })
  const later = (ms: number) => new Date(START.getTime() + ms)
  let of = theirs(2n, unheard('p', STALE_AFTER_MS))
  const outdated = (held: bigint, now: Date) => {
    const told = announceBundle(of, held, now)
    of = told.after
    return told.outdated
  }
  expect(outdated(2n, START)).toBe(false)
  expect(outdated(1n, START)).toBe(true)
  expect(outdated(1n, later(59_999))).toBe(false)
  expect(outdated(1n, later(60_000))).toBe(true)
  of = theirs(3n, of)
  expect(outdated(2n, later(60_001)), 'a peer that names a new one with each beat is not told of each time').toBe(false)
  expect(outdated(2n, later(65_000))).toBe(true)
  expect(outdated(3n, later(200_000))).toBe(false)
})

test('a peer that is restored again and again is news once a minute', () => {
  const of = unheard('p', STALE_AFTER_MS)
  expect(announcesRestore(of, START)).toBe(true)
  expect(announcesRestore({ ...of, restoredAt: START }, new Date(START.getTime() + 59_999))).toBe(false)
  expect(announcesRestore({ ...of, restoredAt: START }, new Date(START.getTime() + 60_000))).toBe(true)
})
