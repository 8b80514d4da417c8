import { expect, test } from 'vitest'
import { difference, type Scope } from './difference.ts'
import type { Finding, Found } from './finding.ts'
import { NOW } from './testing.ts'

const ALL: Scope = { unread: new Set(), unsure: new Set(), peerId: '', now: NOW }
const found = (said: Partial<Found> = {}): Found => ({
  kind: 'peer_residency_missing',
  severity: 'low',
  peerId: 'a',
  about: '',
  message: 'm',
  remedy: 'r',
  waitingOn: 'us',
  payload: { status: 'active' },
  ...said,
})
const kept = (said: Partial<Found> = {}): Finding => ({
  ...found(said),
  id: `id of ${said.peerId ?? 'a'}`,
  openedAt: NOW,
  updatedAt: NOW,
  closedAt: null,
  reopenedAt: null,
  missingSince: null,
  acknowledgedBy: 'operator/alice',
  acknowledgedAt: NOW,
  note: 'known',
})
const counts = (open: readonly Finding[], now: readonly Found[], scope: Partial<Scope> = {}) => {
  const { opened, updated, closed } = difference(open, now, { ...ALL, ...scope })
  return [opened.length, updated.length, closed.length]
}

test('what is new opens, what is the same stays, what reads otherwise is updated, and what is so no more closes', () => {
  expect(counts([], [found()])).toEqual([1, 0, 0])
  expect(counts([kept()], [found()])).toEqual([0, 0, 0])
  expect(counts([kept()], [found({ message: 'other' })])).toEqual([0, 1, 0])
  expect(counts([kept()], [found({ payload: { status: 'degraded' } })])).toEqual([0, 1, 0])
  expect(counts([kept()], [found({ payload: {} })])).toEqual([0, 1, 0])
  expect(counts([kept()], [])).toEqual([0, 0, 1])
})

test('two of one kind and peer are told apart by what they are about', () => {
  const [one, other] = ['b', 'c'].map((about) => ({ kind: 'prefix_overlap_with_other_peer' as const, about }))
  expect(counts([kept(one)], [found(one), found(other)])).toEqual([1, 0, 0])
  expect(counts([kept(one)], [found(other)])).toEqual([1, 0, 1])
})

test('what needs a service that did not answer stays as it was, and the rest goes on', () => {
  const drift = { kind: 'peer_schema_version_drift' as const }
  const unread = new Set(['residencies'] as const)
  expect(counts([kept(), kept(drift)], [], { unread })).toEqual([0, 0, 1])
  expect(counts([], [found(), found(drift)], { unread })).toEqual([1, 0, 0])
  expect(counts([kept(), kept(drift)], [], { unread: new Set(['peers']) })).toEqual([0, 0, 0])
})

test('what nobody can be sure of neither opens nor closes', () => {
  const unsure = new Set(['peer_residency_missing a'])
  expect(counts([kept(), kept({ peerId: 'b' })], [], { unsure })).toEqual([0, 0, 1])
})

test('a look at one peer says nothing of the others', () => {
  expect(counts([kept(), kept({ peerId: 'b' })], [], { peerId: 'a' })).toEqual([0, 0, 1])
  expect(counts([], [found(), found({ peerId: 'b' })], { peerId: 'b' })).toEqual([1, 0, 0])
})

test('one that has come back before closes only when it has been away for an hour', () => {
  const before = (ms: number) => new Date(NOW.getTime() - ms)
  const back = { ...kept(), reopenedAt: before(7_200_000) }
  const look = (one: Finding, now: readonly Found[]) => {
    const { opened, updated, closed, missing } = difference([one], now, ALL)
    return [opened.length, updated.length, closed.length, missing.length]
  }
  expect(look(back, [])).toEqual([0, 0, 0, 1])
  expect(look({ ...back, missingSince: before(3_599_000) }, [])).toEqual([0, 0, 0, 0])
  expect(look({ ...back, missingSince: before(3_600_000) }, [])).toEqual([0, 0, 1, 0])
  expect(look({ ...back, missingSince: before(1_000) }, [found()]), 'and is found again').toEqual([0, 1, 0, 0])
})
