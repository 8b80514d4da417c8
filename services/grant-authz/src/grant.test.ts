import { expect, test } from 'vitest'
import { managedChildOperator, revoke, statusAt } from './grant.ts'
import { NOW, PEER } from './testing.ts'

const grant = managedChildOperator({ id: 'g', peerId: PEER, at: NOW })
const after = (ms: number) => new Date(NOW.getTime() + ms)
const YEAR_MS = 365 * 86_400_000

test('the operator grant of a managed child: read, write, admin, anywhere, for a year', () => {
  expect(grant).toMatchObject({
    remoteSubject: `parent-operator@${PEER}`,
    resourceKind: 'managed_child_operator',
    resourceId: undefined,
    scopes: ['read', 'write', 'admin'],
    nodeInstanceIds: ['*'],
    sdwanNetworkIds: ['*'],
    sourceCidrs: ['*'],
    expiresAt: after(YEAR_MS),
  })
})

test.each([
  ['active', 'when it was issued', grant, NOW],
  ['active', 'a moment before its end', grant, after(YEAR_MS - 1)],
  ['expired', 'at its end', grant, after(YEAR_MS)],
  ['revoked', 'once revoked', revoke(grant, NOW, 'x'), NOW],
  ['revoked', 'once revoked, also after its end', revoke(grant, NOW, 'x'), after(YEAR_MS)],
] as const)('a grant is %s %s', (status, _when, of, at) => {
  expect(statusAt(of, at)).toBe(status)
})

test('a reason is cut to what the table holds', () => {
  expect(revoke(grant, NOW, 'x'.repeat(300)).revocationReason).toHaveLength(256)
})
