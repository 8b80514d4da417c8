import { expect, test } from 'vitest'
import { aPeer } from '../findings/testing.ts'
import type { GrantRow, ReviewEvidence } from './evidence.ts'
import { listsOf } from './lists.ts'
import { completedSeverity, dueFrom, isLate, LIST_KEYS, MOST_ITEMS, type ListKey } from './review.ts'

const NOW = new Date('2026-06-01T12:00:00Z')
const inDays = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000)
const B = '01980000-0000-7000-8000-00000000000b'

const NOTHING: ReviewEvidence = {
  peers: [],
  certificates: new Map(),
  grants: [],
  capabilities: new Map(),
  use: new Map(),
  archivedGrants: 0,
  unread: new Set(),
}
const aGrant = (said: Partial<GrantRow> = {}): GrantRow => ({
  id: 'g',
  peerId: B,
  remoteSubject: 'operator@b',
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: ['read'],
  issuedAt: inDays(-1),
  expiresAt: inDays(30),
  ...said,
})
const found = (key: ListKey, said: Partial<ReviewEvidence>) =>
  listsOf({ ...NOTHING, ...said }, NOW).find((list) => list.key === key)
const subjects = (key: ListKey, said: Partial<ReviewEvidence>) => found(key, said)?.items.map(({ subject }) => subject)
const grantsAre = (...grants: readonly Partial<GrantRow>[]) => ({ grants: grants.map((said) => aGrant(said)) })
const used = (...scopes: readonly string[]) => ({ scopes: new Set(scopes) })

test('a review has the lists of the source documents, in their order and as grave as they say', () => {
  expect(listsOf(NOTHING, NOW).map(({ key, severity, count }) => `${key} ${severity} ${count}`)).toEqual([
    'cert_rotation_candidates medium 0',
    'grants_approaching_expiry medium 0',
    'grants_overdue_for_review low 0',
    'broad_scope_grants medium 0',
    'capability_drift medium 0',
    'unused_grants medium 0',
  ])
})

test('a list whose sources did not answer is left out, and no other', () => {
  const keys = (...unread: Parameters<typeof NOTHING.unread.has>[0][]) =>
    listsOf({ ...NOTHING, unread: new Set(unread) }, NOW).map(({ key }) => key)
  expect(keys('use')).toEqual(LIST_KEYS.filter((key) => key !== 'unused_grants'))
  expect(keys('grants')).toEqual(['cert_rotation_candidates', 'capability_drift'])
  expect(keys('peers')).toEqual([
    'grants_approaching_expiry',
    'grants_overdue_for_review',
    'broad_scope_grants',
    'unused_grants',
  ])
})

test('a certificate is a candidate from three quarters of its life on, the longest of its sort, the oldest first', () => {
  const peers = [aPeer({ peerId: B }), aPeer({ peerId: 'c', state: 'revoked' })]
  const end = (certificate: string, from: number, to: number) => ({
    certificate,
    notBefore: inDays(from),
    notAfter: inDays(to),
  })
  const of = (...ends: ReturnType<typeof end>[]) => ({ peers, certificates: new Map([[B, ends], ['c', ends]]) }) // prettier-ignore
  expect(subjects('cert_rotation_candidates', of(end('leaf 1', -75, 25)))).toEqual(['1'])
  expect(subjects('cert_rotation_candidates', of(end('leaf 1', -74, 26)))).toEqual([])
  expect(subjects('cert_rotation_candidates', of(end('leaf 1', -90, 10), end('leaf 2', -1, 99)))).toEqual([])
  expect(subjects('cert_rotation_candidates', of(end('leaf 1', -80, 20), end('signed 3', -95, 5), end('root 4', -1, 9)))).toEqual(['3', '1']) // prettier-ignore
  expect(found('cert_rotation_candidates', of(end('leaf 1', -80, 20)))?.items[0]).toMatchObject({
    peerId: B,
    message: `the certificate that it signed for us has used 80 % of its life and ends at ${inDays(20).toISOString()}`,
    command: `fedctl doctor peer ${B}`,
  })
})

test('a grant approaches its end in its last seven days, and not when it has ended', () => {
  const ends = [inDays(7), new Date(inDays(7).getTime() + 1), inDays(1), NOW]
  const grants = grantsAre(...ends.map((expiresAt, at) => ({ id: `g${at}`, expiresAt })))
  expect(subjects('grants_approaching_expiry', grants)).toEqual(['g2', 'g0'])
  expect(found('grants_approaching_expiry', grants)?.items[0]).toMatchObject({
    message: `read on every NodeModule for operator@b ends at ${inDays(1).toISOString()}`,
    command: 'fedctl grant renew g2',
  })
})

test('a grant is overdue ninety days after it was issued', () => {
  const grants = grantsAre({ id: 'young', issuedAt: inDays(-89.9) }, { id: 'old', issuedAt: inDays(-90) }, { id: 'older', issuedAt: inDays(-120) }) // prettier-ignore
  expect(subjects('grants_overdue_for_review', grants)).toEqual(['older', 'old'])
})

test('a grant is broad by admin or migrate, and is offered to be left what else it has and what was used', () => {
  const of = (scopes: string[], use: readonly string[] = []) =>
    found('broad_scope_grants', { ...grantsAre({ scopes }), use: new Map([['g', used(...use)]]) })?.items[0]?.command
  expect(of(['read', 'write'])).toBeUndefined()
  expect(of(['read', 'admin'])).toBe('fedctl grant update g --scope read')
  expect(of(['read', 'admin', 'migrate'], ['migrate'])).toBe('fedctl grant update g --scope read,migrate')
  expect(of(['read', 'admin'], ['admin'])).toBe('fedctl grant show g')
  expect(of(['admin'])).toBe('fedctl grant show g')
})

test('extensions are declared and no capability is set: only of platforms that may call', () => {
  const declaring = { extensionSlugs: ['trading', 'games'] }
  const of = (state: 'active' | 'suspended', count: number | undefined, said = declaring) => ({
    peers: [aPeer({ peerId: B, state, ...said })],
    capabilities: new Map(count === undefined ? [] : [[B, count]]),
  })
  expect(subjects('capability_drift', of('active', 0))).toEqual(['trading, games'])
  expect(subjects('capability_drift', of('active', 1))).toEqual([])
  expect(subjects('capability_drift', of('suspended', 0))).toEqual([])
  expect(subjects('capability_drift', of('active', 0, { extensionSlugs: [] }))).toEqual([])
  expect(subjects('capability_drift', of('active', undefined)), 'nobody said how many there are').toEqual([])
})

test('what nobody used for thirty days is offered to be revoked, or shrunk to what was used', () => {
  const of = (said: Partial<GrantRow>, use: readonly string[] | undefined) =>
    found('unused_grants', {
      ...grantsAre({ scopes: ['read', 'write'], issuedAt: inDays(-30), ...said }),
      use: new Map(use ? [['g', used(...use)]] : []),
    })?.items.map(({ suggestion, command }) => [suggestion, command])
  expect(of({}, [])).toEqual([['revoke it', 'fedctl grant revoke g']])
  expect(of({}, ['read'])).toEqual([
    ['shrink it to read, which is what was used', 'fedctl grant update g --scope read'],
  ])
  expect(of({}, ['write', 'read'])).toEqual([])
  expect(of({ issuedAt: inDays(-29.9) }, []), 'it may be needed yet').toEqual([])
  expect(of({}, undefined), 'it was not looked at to the end').toEqual([])
})

test('a long list is counted to its end, and shown as far as two hundred', () => {
  const grants = grantsAre(...Array.from({ length: 201 }, (_, at) => ({ id: `g${at}`, scopes: ['admin'] })))
  expect(found('broad_scope_grants', grants)).toMatchObject({ count: 201 })
  expect(found('broad_scope_grants', grants)?.items.length).toBe(MOST_ITEMS)
  const lists = listsOf({ ...NOTHING, ...grants }, NOW)
  expect(completedSeverity({ lists })).toBe('high')
  expect(completedSeverity({ lists: listsOf({ ...NOTHING, ...grantsAre(...Array.from({ length: 10 }, () => ({ scopes: ['admin'] }))) }, NOW) })).toBe('medium') // prettier-ignore
})

test('a week after the last one the next is due; a day later it is late', () => {
  expect(dueFrom(inDays(-7))).toEqual(NOW)
  expect([inDays(-1), inDays(-0.9)].map((due) => isLate(due, NOW))).toEqual([true, false])
})
