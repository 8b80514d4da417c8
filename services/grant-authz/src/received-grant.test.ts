import { expect, test } from 'vitest'
import { mirror, receivedStatusAt, type Notice } from './received-grant.ts'
import { NOW, PEER } from './testing.ts'
import { after, DAY_MS } from './testing/grants.ts'

const notice = (change: Partial<Notice> = {}): Notice => ({
  peerId: PEER,
  grantId: PEER,
  remoteSubject: 'bob@b',
  resourceKind: 'NodeModule',
  resourceId: '',
  scopes: ['write', 'read'],
  issuedAt: NOW,
  expiresAt: after(DAY_MS),
  what: 'issued',
  sealedBearer: Buffer.from('sealed'),
  revision: 1,
  reason: '',
  ...change,
})
const held = mirror(undefined, notice(), NOW)!

test('the first notice makes our copy, and keeps the bearer', () => {
  expect(held).toMatchObject({ scopes: ['read', 'write'], sealedBearer: Buffer.from('sealed'), revision: 1 })
})

test('a later notice without a bearer leaves the one we have', () => {
  const after2 = mirror(held, notice({ what: 'changed', scopes: ['read'], sealedBearer: null, revision: 2 }), NOW)
  expect(after2).toMatchObject({ scopes: ['read'], sealedBearer: Buffer.from('sealed') })
})

test.each([
  ['an older notice that arrives late', notice({ revision: 1 })],
  ['the same notice again', notice({ revision: 2 })],
])('%s says nothing', (_what, late) => {
  const now = mirror(held, notice({ what: 'renewed', revision: 2, sealedBearer: null }), NOW)!
  expect(mirror(now, late, NOW)).toBeUndefined()
})

test('a revocation wipes the bearer, and is for good whatever is said later', () => {
  const over = mirror(held, notice({ what: 'revoked', reason: 'sold', sealedBearer: null, revision: 2 }), NOW)!
  expect(over).toMatchObject({ revokedAt: NOW, revocationReason: 'sold', sealedBearer: null })
  expect(receivedStatusAt(over, NOW)).toBe('revoked')
  expect(mirror(over, notice({ what: 'issued', revision: 3 }), NOW)).toBeUndefined()
})

test('a revocation that overtakes what it revokes is kept, so that the rest says nothing', () => {
  const over = mirror(undefined, notice({ what: 'revoked', sealedBearer: null, revision: 2 }), NOW)!
  expect(mirror(over, notice({ revision: 1 }), NOW)).toBeUndefined()
})

test('what a peer says counts in scopes that there are', () => {
  expect(() => mirror(undefined, notice({ scopes: ['read', 'own'] }), NOW)).toThrow(/scopes are/)
})

test('a copy is expired from its last moment on', () => {
  expect([receivedStatusAt(held, after(DAY_MS - 1)), receivedStatusAt(held, after(DAY_MS))]).toEqual([
    'active',
    'expired',
  ])
})
