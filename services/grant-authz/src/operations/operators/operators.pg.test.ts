import { create } from '@bufbuild/protobuf'
import { OperatorTable } from '@powernode/operators'
import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { TokenIssuerSchema } from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { PERMISSIONS, type Permission } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readDirectory } from '../../feed/directory.ts'
import * as operators from '../../store/operators.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, testGrants } from '../../testing.ts'
import { appointFirst } from './appoint-first.ts'
import { issueToken } from './issue-token.ts'
import { removeOperator } from './remove-operator.ts'
import { setOperator } from './set-operator.ts'
import { forgetOldKeys, noteKeys, setIssuer } from './set-issuer.ts'
import { removeRole, setRole } from './set-role.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const ADMIN = { permissions: new Set(PERMISSIONS), cause: CAUSE }
const holding = (...permissions: Permission[]) => ({ permissions: new Set(permissions), cause: CAUSE })
const NEW = { kind: '' as const, roles: ['viewer'], paused: false, note: '', oidcSubjects: [] as string[] }

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const begin = () => act((tx) => appointFirst(tx, NOW, { name: 'admin' }))
const set = (name: string, said: object = {}, by = ADMIN) =>
  act((tx) => setOperator(tx, NOW, { said: { ...NEW, name, ...said }, by }))
const remove = (name: string, by = ADMIN) => act((tx) => removeOperator(tx, NOW, { name, by }))
const names = async () => (await act(operators.staff)).operators.map(({ name }) => name)

test('the first operator is admin; afterwards the configuration appoints nobody', async () => {
  const all = await Promise.all(Array.from({ length: 10 }, begin))
  expect(all.filter((one) => one !== undefined)).toHaveLength(1)
  expect(await act((tx) => appointFirst(tx, NOW, { name: 'mallory' }))).toBeUndefined()
  expect(await names()).toEqual(['admin'])
  expect(await act(announced)).toEqual(['operator.set'])
})

test('an operator may what its roles come to, and another set of roles is another set of permissions at once', async () => {
  await begin()
  const { operator } = await set('alice', { roles: ['viewer', 'viewer'], note: 'on call' })
  expect(operator).toMatchObject({ kind: 'person', roles: ['viewer'], setBy: 'operator/alice' })
  await set('alice', { roles: ['operator', 'viewer'] })
  const table = await act(async (tx) => new OperatorTable(await readDirectory(tx, create(TokenIssuerSchema))))
  const shown = { holder: { kind: 'operator', name: 'alice' } as const, certificateSha256: 'x', token: undefined }
  const { permissions } = await table.identify(shown, NOW)
  expect([...permissions]).toContain('system.infra_tasks.control')
  expect([...permissions]).not.toContain('system.operators.manage')
})

test('who has the role agent is an agent; one that is set anew stays what it is', async () => {
  await begin()
  expect((await set('robot', { roles: ['agent'] })).operator.kind).toBe('agent')
  expect((await set('robot', { roles: ['viewer'] })).operator.kind).toBe('agent')
})

test.each([
  ['a role that there is not', { roles: ['root'] }, 'ROLE_UNKNOWN'],
  ['a role whose case differs', { roles: ['Admin'] }, 'ROLE_UNKNOWN'],
  ['a name that no certificate can have', { name: 'alice.b' }, 'REQUEST_INVALID'],
] as const)('nobody is given %s', async (_, said, reason) => {
  await begin()
  await expectRefusal(set('alice', said), reason)
  expect(await names()).toEqual(['admin'])
})

test('a subject is one operator’s', async () => {
  await begin()
  await set('alice', { oidcSubjects: ['subject-7'] })
  await expectRefusal(set('bob', { oidcSubjects: ['subject-7'] }), 'REQUEST_INVALID')
  await set('alice', { oidcSubjects: [] })
  await set('bob', { oidcSubjects: ['subject-7'] })
})

describe('somebody who is admin always remains', () => {
  test('the last one is not removed, not paused, not demoted, not made an agent', async () => {
    await begin()
    await set('robot', { roles: ['admin'], kind: 'agent' })
    await expectRefusal(remove('admin'), 'OPERATOR_LAST_ADMIN')
    await expectRefusal(set('admin', { roles: ['admin'], paused: true }), 'OPERATOR_LAST_ADMIN')
    await expectRefusal(set('admin', { roles: ['viewer'] }), 'OPERATOR_LAST_ADMIN')
    await expectRefusal(set('admin', { roles: ['admin'], kind: 'agent' }), 'OPERATOR_LAST_ADMIN')
    expect((await act(operators.staff)).operators[0]).toMatchObject({ name: 'admin', roles: ['admin'], paused: false })
  })

  test('of two admins who remove one another at once, one stays', async () => {
    await begin()
    for (let n = 0; n < 10; n++) {
      await set('second', { roles: ['admin'] })
      await set('admin', { roles: ['admin'] })
      const both = await Promise.allSettled([remove('admin'), remove('second')])
      expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
      expect(await names()).toHaveLength(1)
    }
  })

  test.each([
    `delete from operator`,
    `update operator set paused = true`,
    `update operator set kind = 'agent'`,
    `delete from operator_role`,
    `update operator_role set role = 'viewer'`,
  ])('also when the owner of the database says: %s', async (change) => {
    await begin()
    const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
    await expect(sql.raw(change).execute(owner)).rejects.toMatchObject({ code: '23514' })
    await owner.destroy()
  })

  test('two at once in the database, each of which alone could be: one is refused', async () => {
    await begin()
    await set('second', { roles: ['admin'] })
    const gone = (name: string) => act((tx) => operators.remove(tx, name))
    const both = await Promise.allSettled([gone('admin'), gone('second')])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(await names()).toHaveLength(1)
  })
})

describe('nobody gives, takes or borrows what he does not have', () => {
  const manager = holding('system.operators.manage', 'system.federation.read')

  test('who may only manage operators makes viewers, and no admin of himself or others', async () => {
    await begin()
    await set('bob', {}, manager)
    await expectRefusal(set('bob', { roles: ['admin'] }, manager), 'PERMISSION_MISSING')
    await expectRefusal(set('admin', { roles: ['admin'], note: 'mine' }, manager), 'PERMISSION_MISSING')
    await remove('bob', manager)
  })

  test('nor by a role, nor by a token of somebody who may more', async () => {
    await begin()
    await set('second', { roles: ['admin'] })
    const said = { name: 'everything', permissions: ['system.federation_ca.manage'] }
    await expectRefusal(
      act((tx) => setRole(tx, NOW, { said, by: manager })),
      'PERMISSION_MISSING',
    )
    const token = { name: 'admin', certificateSha256: Buffer.alloc(32), ttlMs: 60_000, by: manager }
    await expectRefusal(
      act((tx) => issueToken(tx, NOW, token)),
      'PERMISSION_MISSING',
    )
    await expectRefusal(remove('second', manager), 'PERMISSION_MISSING')
  })
})

describe('roles', () => {
  test('those of the platform come to what the documentation says, and stay so', async () => {
    const { roles } = await act(operators.staff)
    const short = Object.fromEntries(
      roles.map(({ name, permissions }) => [name, permissions.map((one) => one.slice(7))]),
    )
    expect(short).toEqual({
      admin: PERMISSIONS.map((one) => one.slice(7)),
      agent: [
        'federation.read',
        'federation_peers.manage',
        'federation_grants.manage',
        'federation_residency.manage',
        'federation_resources.manage',
        'sdwan.manage',
      ],
      operator: [
        'federation.read',
        'federation_peers.manage',
        'federation_grants.manage',
        'federation_residency.manage',
        'federation_resources.manage',
        'federation.spawn',
        'sdwan.manage',
        'infra_tasks.control',
      ],
      viewer: ['federation.read'],
    })
    const said = { name: 'viewer', permissions: [] }
    await expectRefusal(
      act((tx) => setRole(tx, NOW, { said, by: ADMIN })),
      'ROLE_IN_USE',
    )
    await expectRefusal(
      act((tx) => removeRole(tx, NOW, { name: 'viewer', by: ADMIN })),
      'ROLE_IN_USE',
    )
    await expect(
      sql`update role set permissions = '{}' where name = 'admin'`.execute(database.db),
    ).rejects.toMatchObject({
      code: '23514',
    })
  })

  test('one of our own is made, given, changed and removed when nobody has it', async () => {
    await begin()
    const said = { name: 'auditor', permissions: ['system.federation.read'] }
    await act((tx) => setRole(tx, NOW, { said, by: ADMIN }))
    await set('alice', { roles: ['auditor'] })
    await expectRefusal(
      act((tx) => removeRole(tx, NOW, { name: 'auditor', by: ADMIN })),
      'ROLE_IN_USE',
    )
    await set('alice')
    await act((tx) => removeRole(tx, NOW, { name: 'auditor', by: ADMIN }))
    await expectRefusal(
      act((tx) => removeRole(tx, NOW, { name: 'auditor', by: ADMIN })),
      'ROLE_UNKNOWN',
    )
    expect(await act(announced)).toEqual([
      'operator.set',
      'operator.role-set',
      'operator.set',
      'operator.set',
      'operator.role-removed',
    ])
  })

  test('with a permission that there is not are refused, by the table too', async () => {
    const said = { name: 'auditor', permissions: ['system.federation.write'] }
    await expectRefusal(
      act((tx) => setRole(tx, NOW, { said, by: ADMIN })),
      'REQUEST_INVALID',
    )
    await expect(
      sql`insert into role (name, built_in, permissions) values ('x', false, '{everything}')`.execute(database.db),
    ).rejects.toThrow(/role_permissions_known/)
  })

  test('the table knows the permissions that the code knows', async () => {
    const said = { name: 'everything', permissions: [...PERMISSIONS] }
    const role = await act((tx) => setRole(tx, NOW, { said, by: ADMIN }))
    expect(role.permissions).toEqual(PERMISSIONS)
  })
})

test('a token is made for an operator who may act, for a minute to twelve hours, and the ledger hears of it', async () => {
  await begin()
  const issue = (name: string, ttlMs: number) =>
    act((tx) => issueToken(tx, NOW, { name, certificateSha256: Buffer.alloc(32, 7), ttlMs, by: ADMIN }))
  expect(await issue('admin', 3_600_000)).toMatchObject({ operator: 'admin', issuedAt: NOW })
  for (const ttlMs of [59_999, 12 * 3_600_000 + 1]) await expectRefusal(issue('admin', ttlMs), 'REQUEST_INVALID')
  await expectRefusal(issue('nobody', 60_000), 'OPERATOR_UNKNOWN')
  await set('alice', { paused: true })
  await expectRefusal(issue('alice', 60_000), 'OPERATOR_PAUSED')
  expect(await act(announced)).toEqual(['operator.set', 'operator.token-issued', 'operator.set'])
})

describe('the issuer of the configuration', () => {
  const said = { issuer: 'https://id.example', audience: 'federation', algorithms: ['ES256'] }
  const told = () => act(async (tx) => (await readDirectory(tx, create(TokenIssuerSchema, { issuer: 'own' }))).issuers)
  const note = (jwks: string) => act((tx) => noteKeys(tx, NOW, { issuer: said.issuer, jwks }))

  test('is told of once its keys are known, and no more when it is gone from the configuration', async () => {
    await act((tx) => setIssuer(tx, NOW, said))
    expect((await told()).map(({ issuer }) => issuer)).toEqual(['own'])
    expect(await note('{"keys":[]}')).toBe(true)
    expect((await told())[1]).toMatchObject({ ...said, subjects: 'oidc', jwksJson: '{"keys":[]}', mustBeBound: false })
    await act((tx) => setIssuer(tx, NOW, undefined))
    expect((await told()).map(({ issuer }) => issuer)).toEqual(['own'])
  })

  test('another one does not inherit its keys', async () => {
    await act((tx) => setIssuer(tx, NOW, said))
    await note('{"keys":[]}')
    await act((tx) => setIssuer(tx, NOW, { ...said, issuer: 'https://other.example' }))
    expect(await note('{"keys":[]}')).toBe(false)
    expect((await told()).map(({ issuer }) => issuer)).toEqual(['own'])
  })

  test('keys that were not confirmed for a day are not used; that they were confirmed is no news', async () => {
    await act((tx) => setIssuer(tx, NOW, said))
    await note('{"keys":[]}')
    const mark = await act(operators.feedMark)
    expect(await note('{"keys":[]}')).toBe(false)
    await act((tx) => forgetOldKeys(tx, new Date(NOW.getTime() + 86_399_999), undefined))
    expect(await act(operators.feedMark)).toBe(mark)
    expect(await told()).toHaveLength(2)
    await act((tx) => forgetOldKeys(tx, new Date(NOW.getTime() + 86_400_000), undefined))
    expect(await told()).toHaveLength(1)
    expect(await act(operators.feedMark)).not.toBe(mark)
  })
})

test.each([
  `insert into operator (name, kind, paused, note, set_by, set_at) values ('x', 'person', false, '', '', '2026-01-01')`,
  `update operator set note = 'by hand'`,
  `insert into operator_subject values ('s', 'admin')`,
  `insert into role (name, built_in, permissions) values ('x', false, '{}')`,
])('whatever changes an operator is told of, also by hand: %s', async (change) => {
  await begin()
  const before = await act(operators.feedMark)
  await sql.raw(change).execute(database.db)
  expect(await act(operators.feedMark)).not.toBe(before)
})
