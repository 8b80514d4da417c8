import { expect, test } from 'vitest'
import { unheard, type Freshness } from '../freshness.ts'
import { observe } from './observe.ts'
import type { Evidence } from './sense.ts'
import type { Signal } from './signal.ts'
import { DEFAULTS } from './types.ts'

const NOW = new Date('2026-05-01T12:00:00Z')
const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000)
const evidence = (said: Partial<Freshness> = {}, more: Partial<Evidence> = {}): Evidence => ({
  state: 'active',
  freshness: { ...unheard('p', 300_000), announced: 'silent', lastHeardAt: at(-9), lastHeardByThemAt: at(-9), ...said },
  expectedSince: null,
  certificates: [],
  ...more,
})
let minted = 0
const look = (standing: readonly Signal[], seen: Evidence, minutes = 0, listeningSince = at(-60), patienceUsed = 0) =>
  observe(standing, seen, {
    now: at(minutes),
    listeningSince,
    settings: DEFAULTS,
    mint: () => String((minted += 1)),
    patienceUsed,
  })
const silence = () => look([], evidence()).opened

test('a trouble opens one signal, which is seen again while it stays', () => {
  const [signal] = silence()
  expect(signal).toMatchObject({ reason: 'heartbeat_stale', severity: 'high', seen: 1, openedAt: NOW })
  const again = look([signal!], evidence(), 1)
  expect(again).toMatchObject({ opened: [], closed: [], seen: [{ id: signal?.id, seen: 2, openedAt: NOW }] })
})

test('a silence that changes its name is the same trouble: one signal, which goes on where the other stood', () => {
  const standing = silence().map((signal) => ({ ...signal, seen: 5, patienceUsed: 1 }))
  const { opened, closed, seen } = look(standing, evidence({ lastHeardAt: at(2) }), 3)
  expect(opened).toMatchObject([{ reason: 'one_way', seen: 6, patienceUsed: 1, troubleSince: NOW }])
  expect(closed).toMatchObject([{ ending: 'renamed' }])
  expect(seen).toEqual([])
})

test('it is over when beats pass both ways, and not because listening began anew', () => {
  const heard = { lastHeardAt: at(2), lastHeardByThemAt: at(2) }
  expect(look(silence(), evidence({ ...heard, announced: 'heard' }), 3).closed).toMatchObject([{ ending: 'recovered' }])
  expect(look(silence(), evidence(), 3, at(3))).toMatchObject({ opened: [], seen: [], closed: [] })
})

test('of a peer that is suspended nothing is expected', () => {
  expect(look(silence(), evidence({}, { state: 'suspended' })).closed).toMatchObject([{ ending: 'gone' }])
})

test('silence counts from when we listen, and from when beats are expected', () => {
  expect(look([], evidence(), 0, at(-4)).opened).toEqual([])
  expect(look([], evidence({}, { expectedSince: at(-4) })).opened).toEqual([])
  expect(look([], evidence(), 0, at(-5)).opened).toHaveLength(1)
})

test('a clock that is off, a restored peer and certificates are signals beside it', () => {
  const heard = { announced: 'heard', lastHeardAt: NOW, lastHeardByThemAt: NOW } as const
  const certificate = (name: string, days: number) => ({ certificate: name, notBefore: undefined, notAfter: at(days * 1_440) }) // prettier-ignore
  const seen = evidence(
    { ...heard, clockOffsetMs: -45_000, restoredAt: at(-30) },
    { certificates: [certificate('root a', -1), certificate('leaf 1', 3), certificate('leaf 2', 12)] },
  )
  expect(look([], seen).opened.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual([
    'clock_skew: their clock is 45 s behind ours',
    'epoch_regression: it knows less than it did, by its epoch or its bookmark: it was restored from a backup',
    'cert_expired: root a ended at 2026-04-30T12:00:00.000Z',
    'cert_expiring: leaf 2 ends at 2026-05-13T12:00:00.000Z',
  ])
})

test('a certificate that lives for a day is about to end in the last third of it, and not all day long', () => {
  const [began, over] = [at(-6 * 60), at(18 * 60)]
  const seen = evidence(
    { announced: 'heard', lastHeardAt: at(0), lastHeardByThemAt: at(0) },
    { certificates: [{ certificate: 'leaf 1', notBefore: began, notAfter: over }], expectedSince: at(2_000) },
  )
  expect(look([], seen).opened).toEqual([])
  expect(look([], seen, 9 * 60).opened).toEqual([])
  expect(look([], seen, 11 * 60).opened).toMatchObject([{ reason: 'cert_expiring' }])
})

test('who falls silent again soon is not given its time anew', () => {
  expect(look([], evidence(), 0, at(-60), 1).opened).toMatchObject([{ patienceUsed: 1 }])
  const standing = silence().map((signal) => ({ ...signal, patienceUsed: 3 }))
  expect(look(standing, evidence({ lastHeardAt: at(2) }), 3, at(-60), 1).opened).toMatchObject([{ patienceUsed: 3 }])
})

test('a clock that is off with every other beat is one signal: it closes when the clock has been right for ten minutes', () => {
  const heard = { announced: 'heard', lastHeardAt: at(60), lastHeardByThemAt: at(60) } as const
  const [off, right] = [evidence({ ...heard, clockOffsetMs: 45_000 }), evidence({ ...heard, clockOffsetMs: 1 })]
  let [signal] = look([], off).opened
  const see = (seen: Evidence, minutes: number) => {
    const observed = look([signal!], seen, minutes)
    ;[signal] = [...observed.seen, ...observed.closed.map((one) => one.signal)]
    return observed
  }
  for (let minutes = 1; minutes < 40; minutes += 1) {
    expect(see(minutes % 2 === 0 ? off : right, minutes)).toMatchObject({ opened: [], closed: [] })
  }
  expect(signal?.calmSince).toEqual(at(39))
  expect(see(right, 48)).toMatchObject({ closed: [], seen: [{ calmSince: at(39) }] })
  expect(see(right, 49)).toMatchObject({ closed: [{ ending: 'recovered' }], seen: [] })
  const [ahead] = look([], off).opened.map((one) => ({ ...one, calmSince: at(600) }))
  expect(look([ahead!], right, 1).seen, 'a moment that lies ahead of us begins anew').toMatchObject([{ calmSince: at(1) }]) // prettier-ignore
  expect(look([ahead!], { ...right, state: 'suspended' }, 1).closed).toMatchObject([{ ending: 'gone' }])
})
