import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import * as grants from '../../store/grants.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { issueOperatorGrant } from './issue-operator-grant.ts'
import { listGrants } from './list-grants.ts'
import { revokeGrantsOf } from './revoke-grants-of.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const enroll = (peerId = PEER) => act((tx) => issueOperatorGrant(tx, NOW, { peerId, cause: CAUSE }))
const end = (peerId = PEER) => act((tx) => revokeGrantsOf(tx, NOW, { peerId, reason: 'over', cause: CAUSE }))
const all = () => act((tx) => listGrants(tx, NOW, { peerId: '', last: undefined, limit: 100 }))

test('a managed child that enrolls is given its operator grant, and the news goes out', async () => {
  const grant = await enroll()
  expect((await all()).grants).toEqual([grant])
  expect(await act(announced)).toEqual(['grant.issued'])
})

test('the same news twenty times at once gives one grant and one event', async () => {
  const issued = await Promise.all(Array.from({ length: 20 }, () => enroll()))
  expect(issued.filter((grant) => grant !== undefined)).toHaveLength(1)
  expect((await all()).grants).toHaveLength(1)
  expect(await act(announced)).toEqual(['grant.issued'])
})

test('a peer that is revoked loses its grants, and no other peer does', async () => {
  const other = '019f0000-0000-7000-8000-00000000cafe'
  await enroll()
  await enroll(other)
  await end()
  const found = (await all()).grants.map(({ peerId, revokedAt, revocationReason }) => ({
    peerId,
    revokedAt,
    revocationReason,
  }))
  expect(found.toSorted((a, b) => a.peerId.localeCompare(b.peerId))).toEqual([
    { peerId: PEER, revokedAt: NOW, revocationReason: 'over' },
    { peerId: other, revokedAt: undefined, revocationReason: '' },
  ])
  expect(await act(announced)).toEqual(['grant.issued', 'grant.issued', 'grant.revoked'])
})

test('revoking again changes nothing and announces nothing', async () => {
  await enroll()
  await end()
  const before = await all()
  expect(await end()).toEqual([])
  expect(await all()).toEqual(before)
  expect(await act(announced)).toEqual(['grant.issued', 'grant.revoked'])
})

test('the enrolment that is heard after the revocation gives nothing', async () => {
  await end()
  expect(await enroll()).toBeUndefined()
  expect((await all()).grants).toEqual([])
})

test('enrolment and revocation that arrive together leave no live grant', async () => {
  for (let n = 0; n < 20; n++) {
    const peerId = `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
    await Promise.all(n % 2 === 0 ? [enroll(peerId), end(peerId)] : [end(peerId), enroll(peerId)])
  }
  const { grants } = await all()
  expect(grants.filter(({ revokedAt }) => revokedAt === undefined)).toEqual([])
})

test('the operator grant that somebody revoked is not given again by a repeated message', async () => {
  const grant = await enroll()
  await sql`update federation_grant set revoked_at = ${NOW}, revocation_reason = 'emancipated'`.execute(database.db)
  expect(await enroll()).toBeUndefined()
  expect((await all()).grants.map(({ id }) => id)).toEqual([grant?.id])
})

test('grants are listed in pages, by peer or all', async () => {
  const peers = Array.from({ length: 7 }, (_, n) => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`)
  for (const peerId of peers) await enroll(peerId)
  const seen: string[] = []
  let last: string | undefined
  do {
    const page = await act((tx) => listGrants(tx, NOW, { peerId: '', last, limit: 3 }))
    seen.push(...page.grants.map(({ peerId }) => peerId))
    last = page.next
  } while (last)
  expect(seen.sort()).toEqual(peers)
  const one = await act((tx) => listGrants(tx, NOW, { peerId: peers[3]!, last: undefined, limit: 3 }))
  expect(one.grants.map(({ peerId }) => peerId)).toEqual([peers[3]])
})

test.each([
  `update federation_grant set revoked_at = null`,
  `update federation_grant set scopes = array['migrate']`,
  `update federation_grant set expires_at = expires_at + interval '1 year'`,
  `update federation_grant set peer_id = '${PEER}'`,
  `update peer set revoked_at = null`,
  `update peer set operator_grant_id = null`,
])('what was decided about a grant is not undone, by its owner neither: %s', async (change) => {
  const other = '019f0000-0000-7000-8000-00000000cafe'
  await enroll(other)
  await end(other)
  await end()
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  await expect(sql.raw(change).execute(owner)).rejects.toMatchObject({ code: '23514' })
  await owner.destroy()
})

test.each([`delete from federation_grant`, `truncate peer cascade`])('the service cannot: %s', async (change) => {
  await expect(sql.raw(change).execute(database.db)).rejects.toMatchObject({ code: '42501' })
})

test('a grant without scopes, or with an unknown one, or shorter than a minute, is refused by the table', async () => {
  const grant = (await enroll())!
  const add = (change: object) => act((tx) => grants.add(tx, { ...grant, id: crypto.randomUUID(), ...change }))
  await expect(add({ scopes: [] })).rejects.toThrow(/grant_scopes_known/)
  await expect(add({ scopes: ['own'] })).rejects.toThrow(/grant_scopes_known/)
  await expect(add({ expiresAt: new Date(NOW.getTime() + 59_999) })).rejects.toThrow(/grant_lasts_a_minute/)
  await expect(add({ nodeInstanceIds: ['*', 'x'] })).rejects.toThrow(/grant_any_stands_alone/)
  await add({})
})
