import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { partsOf, resolve, VERSION_STATUSES, type VersionRule } from './version.ts'

const rule = (localVersion: string, remoteVersion: string, said: Partial<VersionRule> = {}): VersionRule => ({
  id: `${localVersion} ${remoteVersion}`,
  localVersion,
  remoteVersion,
  status: 'compatible',
  source: 'operator',
  refusedKinds: [],
  notes: '',
  setBy: 'operator/alice',
  setAt: new Date(0),
  ...said,
})

test.each([
  ['1.2.3', '1.2.9', 'compatible', 'the same minor version'],
  ['1.2.3', '1.3.0', 'compatible', 'minor versions are one apart'],
  ['1.2.3', '1.1', 'compatible', 'minor versions are one apart'],
  ['v1.2.3', '1.3.0-rc.1+build', 'compatible', 'minor versions are one apart'],
  ['1.2.3', '1.4.0', 'incompatible', 'minor versions are 2 apart, and one is the most'],
  ['1.9.0', '2.0.0', 'incompatible', 'major versions differ: 1 here, 2 there'],
  ['1.2.3', '', 'incompatible', "remote peer didn't report a platform_version"],
  ['1.2.3', ' ', 'incompatible', "remote peer didn't report a platform_version"],
  ['1.2.3', '1', 'incompatible', "remote peer's platform_version is no version: 1"],
  ['0.0.0', 'dev', 'incompatible', "remote peer's platform_version is no version: dev"],
  ['dev', '1.2.3', 'incompatible', 'our own platform_version is no version: dev'],
])('without a rule %s and %s are %s', (local, remote, status, notes) => {
  expect(resolve([], local, remote)).toEqual({ status, source: 'implicit', notes, refusedKinds: [] })
})

test('what an operator says goes before what the release says, and both before N-1', () => {
  const ours = rule('1', '2', { status: 'degraded', refusedKinds: ['skill'], notes: 'tried it' })
  const released = rule('1.2.3', '2.0.0', { source: 'default', status: 'compatible' })
  expect(resolve([released, ours], '1.2.3', '2.0.0')).toEqual({
    status: 'degraded',
    source: 'operator',
    notes: 'tried it',
    refusedKinds: ['skill'],
  })
  expect(resolve([released], '1.2.3', '2.0.0')).toMatchObject({ status: 'compatible', source: 'default' })
  expect(resolve([released, ours], '3.0.0', '2.0.0')).toMatchObject({ status: 'incompatible', source: 'implicit' })
})

test('of rules that fit the more specific one holds, in whatever order they are', () => {
  const rules = [
    rule('1', '1', { status: 'incompatible' }),
    rule('1', '1.4', { status: 'degraded' }),
    rule('1.2', '1', { status: 'compatible', notes: 'ours is named first' }),
    rule('1.2', '1.4.1', { status: 'incompatible', notes: 'that patch' }),
  ]
  for (const some of [rules, rules.toReversed()]) {
    expect(resolve(some, '1.2.3', '1.4.1').notes).toBe('that patch')
    expect(resolve(some, '1.2.3', '1.4.2').notes).toBe('ours is named first')
    expect(resolve(some, '1.7.0', '1.4.2').status).toBe('degraded')
    expect(resolve(some, '1.7.0', '1.8.0').status).toBe('incompatible')
  }
})

test('a part of a version stands for those that begin so, number by number', () => {
  expect(resolve([rule('1.1', '9')], '1.10.0', '9.0.0').status).toBe('incompatible')
  expect(resolve([rule('1.1', '9')], '1.1.7', '9.0.0').status).toBe('compatible')
  expect(resolve([rule('1.1.0', '9')], '1.1', '9.0.0').status).toBe('compatible')
})

test('no rule makes anything of what is no version', () => {
  expect(resolve([rule('0', '0'), rule('1', '1')], '1.0.0', 'latest')).toMatchObject({ status: 'incompatible', source: 'implicit' }) // prettier-ignore
})

describe('whatever is said', () => {
  const version = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(3), fc.nat(3), fc.nat(3)).map((numbers) => numbers.join('.')),
  )
  const beginning = fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }).map((numbers) => numbers.join('.'))
  const rules = fc.uniqueArray(
    fc.record({ local: beginning, remote: beginning, source: fc.constantFrom('operator' as const, 'default' as const), status: fc.constantFrom(...VERSION_STATUSES) }).map(({ local, remote, ...said }) => rule(local, remote, said)), // prettier-ignore
    { selector: ({ localVersion, remoteVersion, source }) => `${localVersion} ${remoteVersion} ${source}` },
  )

  test('there is an answer, it is the same in any order of the rules, and it says who gave it', () => {
    fc.assert(
      fc.property(rules, version, version, fc.integer(), (some, local, remote, seed) => {
        const verdict = resolve(some, local, remote)
        const shuffled = some.toSorted((a, b) => (seed % 7) * (a.id < b.id ? -1 : 1))
        expect(resolve(shuffled, local, remote)).toEqual(verdict)
        expect(VERSION_STATUSES).toContain(verdict.status)
        if (verdict.source !== 'implicit') expect(some.some(({ source }) => source === verdict.source)).toBe(true)
        if (!partsOf(remote) || !partsOf(local)) expect(verdict).toMatchObject({ status: 'incompatible', source: 'implicit' }) // prettier-ignore
      }),
      { numRuns: 2_000 },
    )
  })

  test('without rules it is the same from both sides', () => {
    fc.assert(
      fc.property(version, version, (one, other) => {
        expect(resolve([], one, other).status).toBe(resolve([], other, one).status)
      }),
      { numRuns: 2_000 },
    )
  })
})
