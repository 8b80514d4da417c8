import { expect, test } from 'vitest'
import { changedBy, simulate, type Versioned } from './version-change.ts'
import type { VersionRule } from './version.ts'

let count = 0
const peer = (name: string, platformVersion: string): Versioned => ({
  id: `id-${++count}`,
  name,
  kind: 'platform',
  enrolledAt: new Date(0),
  platformVersion,
})
const rule = (localVersion: string, remoteVersion: string, status: VersionRule['status']): VersionRule => ({
  id: `${localVersion} ${remoteVersion}`,
  localVersion,
  remoteVersion,
  status,
  source: 'operator',
  refusedKinds: [],
  notes: '',
  setBy: 'operator/alice',
  setAt: new Date(0),
})
const PEERS = [peer('berlin', '1.2.4'), peer('wien', '1.3.0'), peer('bern', '1.3.1')]

test('an upgrade that loses nobody is safe, and says so', () => {
  const { worse, better, unchanged, advice, shown } = simulate({ local: '1.2.3', rules: [] }, '1.3.0', PEERS)
  expect({ worse, better, unchanged, shown }).toEqual({ worse: 0, better: 0, unchanged: 3, shown: [] })
  expect(advice).toEqual(['no peer would be lost or lessened: go ahead'])
})

test('an upgrade too far names who would be lost, and how to get there without', () => {
  const { worse, unchanged, shown, advice } = simulate({ local: '1.2.3', rules: [] }, '1.4.0', PEERS)
  expect({ worse, unchanged }).toEqual({ worse: 1, unchanged: 2 })
  expect(shown.map((one) => [one.peer.name, one.before, one.after])).toEqual([['berlin', 'compatible', 'incompatible']])
  expect(advice).toEqual([
    '1 of version 1.2.4 would be incompatible (berlin): minor versions are 2 apart, and one is the most',
    'go to 1.3 first, where nobody is lost; have them go to 1.3 or later; then go to 1.4.0',
    'if you know that they work together: fedctl version set 1.4 1.2 compatible, here and there',
  ])
})

test('of a major upgrade nobody comes along by himself', () => {
  const { worse, advice } = simulate({ local: '1.3.0', rules: [] }, '2.0.0', PEERS)
  expect(worse).toBe(3)
  expect(advice).toContain('they have to be of 2.0 or later first, or both sides upgrade at once')
})

test('rules that are there already count in a simulation, as they would then', () => {
  const rules = [rule('2', '1', 'compatible')]
  expect(simulate({ local: '1.3.0', rules }, '2.0.0', PEERS)).toMatchObject({ worse: 0, unchanged: 3 })
  const back = [rule('1.3', '1', 'incompatible')]
  expect(simulate({ local: '1.3.0', rules: back }, '1.2.0', PEERS)).toMatchObject({ worse: 0, better: 3 })
})

test('who is incompatible now and stays so is shown, though nothing is worse', () => {
  const { shown, worse } = simulate({ local: '1.3.0', rules: [] }, '1.3.1', [peer('alt', '1.0.0')])
  expect(worse).toBe(0)
  expect(shown.map(({ peer: { name }, after }) => [name, after])).toEqual([['alt', 'incompatible']])
})

test('a rule changes those whom it concerns, and other kinds that are refused are a change too', () => {
  const before = { local: '1.3.0', rules: [{ ...rule('1', '1.2', 'degraded'), refusedKinds: ['skill'] }] }
  const after = { local: '1.3.0', rules: [{ ...rule('1', '1.2', 'degraded'), refusedKinds: ['agent'] }] }
  expect(changedBy(before, after, PEERS).map(({ peer: { name } }) => name)).toEqual(['berlin'])
  expect(changedBy(before, before, PEERS)).toEqual([])
})

test('a question about a version far away costs no more than one about the next: whoever may only look must not stop the registry', () => {
  const many = [...Array.from({ length: 500 }, (_, at) => peer(`odd-${at}`, 'none')), peer('berlin', '1.2.4')]
  const { worse, advice } = simulate({ local: '1.2.3', rules: [] }, '1.99999', many)
  expect(worse).toBe(1)
  expect(advice).toContain(
    'go to 1.3 first, where nobody is lost; have them go to 1.99998 or later; then go to 1.99999',
  )
}, 30_000)

test('who goes back leaves the later ones behind: they have to go back first', () => {
  const later = [peer('berlin', '1.4.0'), peer('wien', '1.3.0')]
  const { advice } = simulate({ local: '1.4.0', rules: [] }, '1.2.0-rc.1', later)
  expect(advice).toContain(
    'go to 1.3 first, where nobody is lost; have them go to 1.3 or earlier; then go to 1.2.0-rc.1',
  )
  const acrossMajors = simulate({ local: '2.0.0', rules: [] }, '1.9.0', [peer('bern', '2.0.1')])
  expect(acrossMajors.advice).toContain('they have to be of 1.10 or earlier first, or both sides go back at once')
})
