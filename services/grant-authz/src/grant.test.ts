import { expectRefusal } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { issue, reasonOf, renew, statusAt, update, type Grant, type Wanted } from './grant.ts'
import { NOW, PEER } from './testing.ts'
import { after, DAY_MS } from './testing/grants.ts'

const LIMITS = { longestTtlMs: 366 * DAY_MS, strictAxes: false }
const WANTED: Wanted = {
  id: 'g',
  peerId: PEER,
  remoteSubject: 'bob@b',
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: ['write', 'read'],
  nodeInstanceIds: [],
  sdwanNetworkIds: ['*'],
  sourceCidrs: ['192.0.2.0/24'],
  boundIdentities: [],
  secretSha256: Buffer.alloc(32),
  issuedBy: 'operator/alice',
  ttlMs: DAY_MS,
  metadata: {},
}
const made = (change: Partial<Wanted> = {}, limits = LIMITS) => issue({ ...WANTED, ...change }, NOW, limits)
const grant = made()
const over = (change: Partial<Grant>): Grant => ({ ...grant, ...change })
const refused = (act: () => unknown, reason: Parameters<typeof expectRefusal>[1]) =>
  expectRefusal((async () => act())(), reason)

test.each([
  ['active', 'when it was issued', grant, NOW],
  ['active', 'a millisecond before its end', grant, after(DAY_MS - 1)],
  ['expired', 'at its end', grant, after(DAY_MS)],
  ['revoked', 'once revoked', over({ revokedAt: NOW }), NOW],
  ['revoked', 'once revoked, also after its end', over({ revokedAt: NOW }), after(DAY_MS)],
  ['archived', 'once archived', over({ revokedAt: NOW, archivedAt: NOW }), NOW],
] as const)('a grant is %s %s', (status, _when, of, at) => {
  expect(statusAt(of, at)).toBe(status)
})

test('a grant lasts a minute at least, and no longer than the platform allows', async () => {
  expect(made({ ttlMs: 60_000 }).expiresAt).toEqual(after(60_000))
  expect(made({ ttlMs: 366 * DAY_MS }).expiresAt).toEqual(after(366 * DAY_MS))
  await refused(() => made({ ttlMs: 59_999 }), 'GRANT_TTL_OUT_OF_RANGE')
  await refused(() => made({ ttlMs: 366 * DAY_MS + 1 }), 'GRANT_TTL_OUT_OF_RANGE')
})

test.each([
  ['host bits', { sourceCidrs: ['192.0.2.1/24'] }, 'did you mean 192.0.2.0/24?'],
  ['host bits of IPv6', { sourceCidrs: ['2001:db8::1/32'] }, 'did you mean 2001:db8::/32?'],
  ['an address without a length', { sourceCidrs: ['192.0.2.1'] }, 'did you mean 192.0.2.1/32?'],
  ['another spelling', { sourceCidrs: ['2001:DB8::/32'] }, 'did you mean 2001:db8::/32?'],
  ['an IPv4-mapped range', { sourceCidrs: ['::ffff:192.0.2.0/120'] }, 'did you mean 192.0.2.0/24?'],
  ['a range that is none', { sourceCidrs: ['office'] }, undefined],
  ['* beside others', { sdwanNetworkIds: ['*', 'n1'] }, undefined],
  ['a value twice', { nodeInstanceIds: ['i', 'i'] }, undefined],
  ['an empty value', { nodeInstanceIds: [''] }, undefined],
  ['a value that is too long', { nodeInstanceIds: ['i'.repeat(65)] }, undefined],
  ['an identity that is none', { boundIdentities: ['CN=b'] }, undefined],
  ['an identity twice', { boundIdentities: ['spiffe://b.test/service/x', 'spiffe://b.test/service/x'] }, undefined],
] as const)('an axis with %s is refused, and nothing is guessed', async (_what, change, next) => {
  const error = await refused(() => made(change), 'GRANT_AXIS_INVALID')
  if (next) expect(error).toMatchObject({ next })
})

test('with strict axes an empty axis is refused, and "*" has to be said', async () => {
  const strict = { ...LIMITS, strictAxes: true }
  await refused(() => made({}, strict), 'GRANT_AXIS_INVALID')
  expect(made({ nodeInstanceIds: ['*'] }, strict).nodeInstanceIds).toEqual(['*'])
})

test('what is changed in place is named, and what stays as it was is no change', () => {
  const changes = { scopes: ['admin', 'read'], sourceCidrs: ['192.0.2.0/24'] } as const
  expect(update(grant, { changes, at: NOW, limits: LIMITS })).toMatchObject({
    grant: { scopes: ['read', 'admin'] },
    changed: ['scopes'],
  })
  const same = { scopes: ['write', 'read'] } as const
  expect(update(grant, { changes: same, at: NOW, limits: LIMITS })).toEqual({ grant, changed: [] })
})

test.each([
  ['expired', grant, after(DAY_MS)],
  ['noted to be over, whatever the clock of this replica says', over({ endedAt: NOW }), NOW],
  ['revoked', over({ revokedAt: NOW, endedAt: NOW }), NOW],
  ['archived', over({ endedAt: NOW, archivedAt: NOW }), NOW],
] as const)('a grant that is %s is neither changed nor renewed', async (_what, of, at) => {
  const changes = { scopes: ['read'] } as const
  await refused(() => update(of, { changes, at, limits: LIMITS }), 'GRANT_OVER')
  await refused(() => renew(of, { ttlMs: DAY_MS, at, limits: LIMITS }), 'GRANT_OVER')
})

test('a renewal moves the end away and never nearer, and is reminded of anew', async () => {
  const reminded = over({ remindedAt: NOW })
  const renewed = renew(reminded, { ttlMs: DAY_MS, at: after(1_000), limits: LIMITS })
  expect(renewed).toMatchObject({ expiresAt: after(DAY_MS + 1_000), remindedAt: null, renewedAt: after(1_000) })
  await refused(() => renew(grant, { ttlMs: DAY_MS / 2, at: after(1_000), limits: LIMITS }), 'GRANT_TTL_OUT_OF_RANGE')
})

test('a reason is cut to what the table holds, between two characters', () => {
  expect(reasonOf('x'.repeat(300))).toHaveLength(256)
  expect(reasonOf(`a${'😀'.repeat(300)}`)).toBe(`a${'😀'.repeat(255)}`)
})
