import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { overrideStatus, type Override } from '../../override.ts'
import * as overrides from '../../store/overrides.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, NOW, PEER, testGrants } from '../../testing.ts'
import { BY, pagesOf, policyIn } from '../../testing/residency.ts'
import { consumeOverride, createOverride, revokeOverride, withdrawExpired } from './overrides.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const HOUR_MS = 3_600_000
const after = (ms: number) => new Date(NOW.getTime() + ms)
const decisionId = (n: number) => `019f0000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`
const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const allow = (said: Partial<Override> & { ttlMs?: number } = {}) =>
  act((tx) =>
    createOverride(tx, NOW, {
      by: BY,
      peerId: PEER,
      resourceKind: 'NodeModule',
      resourceId: 'm1',
      reason: 'audit on site',
      ttlMs: undefined,
      ...said,
    }),
  )
const consume = (id: string, n: number, now = NOW) =>
  act((tx) => consumeOverride(tx, now, { by: { ...BY, actor: 'service/federation-gateway' }, id, decisionId: decisionId(n) })) // prettier-ignore
const revoke = (id: string, now = NOW) => act((tx) => revokeOverride(tx, now, { by: BY, id }))
const statusOf = async (id: string, now = NOW) => overrideStatus((await act((tx) => overrides.find(tx, id)))!, now)
const told = async () => (await policyIn(database.db)).override(PEER, 'NodeModule', 'm1', NOW.getTime())

test('an override lets one call through, is used up by it, and stands in the ledger twice', async () => {
  const { id } = await allow()
  expect(await told()).toBe(id)
  expect(await consume(id, 1)).toBe(true)
  expect([await told(), await statusOf(id)]).toEqual([undefined, 'used'])
  expect(await act(announced)).toEqual(['residency.overridden', 'residency.override-used'])
})

test('of twenty calls that would use it, through two replicas, one does', async () => {
  const { id } = await allow()
  const replica = openDb<Tables>({ url: database.url, schema: 'grant_authz', applicationName: 'another replica' })
  try {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        inTransaction(n % 2 === 0 ? database.db : replica, (tx) =>
          consumeOverride(tx, NOW, { by: BY, id, decisionId: decisionId(n) }),
        ),
      ),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
    const winner = outcomes.indexOf(true)
    expect(await act((tx) => overrides.find(tx, id))).toMatchObject({ decisionId: decisionId(winner) })
    expect(await act(announced)).toEqual(['residency.overridden', 'residency.override-used'])
  } finally {
    await replica.destroy()
  }
})

test('who lost the answer and asks again for the same decision is told the same, without another entry', async () => {
  const { id } = await allow()
  expect([await consume(id, 1), await consume(id, 1), await consume(id, 2)]).toEqual([true, true, false])
  expect(await act(announced)).toEqual(['residency.overridden', 'residency.override-used'])
})

test('one that there is not lets nothing through', async () => {
  expect(await consume(decisionId(7), 1)).toBe(false)
})

describe('an override lasts', () => {
  test('an hour unless said otherwise, and is over AT its last moment', async () => {
    const { id, expiresAt } = await allow()
    expect(expiresAt).toEqual(after(HOUR_MS))
    expect([await statusOf(id, after(HOUR_MS - 1)), await statusOf(id, after(HOUR_MS))]).toEqual(['open', 'expired'])
    expect(await consume(id, 1, after(HOUR_MS))).toBe(false)
    expect(await consume(id, 1, after(HOUR_MS - 1))).toBe(true)
  })

  test.each([59_999, 0, -1, 86_400_001])('neither %d ms', async (ttlMs) => {
    await expectRefusal(allow({ ttlMs }), 'OVERRIDE_TTL_OUT_OF_RANGE')
  })

  test.each([60_000, 86_400_000])('but %d ms', async (ttlMs) => {
    expect((await allow({ ttlMs })).expiresAt).toEqual(after(ttlMs))
  })
})

describe('taken back', () => {
  test('it lets nothing through, and no gateway is told of it', async () => {
    const { id } = await allow()
    await revoke(id)
    expect([await consume(id, 1), await told(), await statusOf(id)]).toEqual([false, undefined, 'revoked'])
    expect(await act(announced)).toEqual(['residency.overridden', 'residency.override-revoked'])
  })

  test('or used: one of the two, whoever comes first', async () => {
    for (let n = 0; n < 10; n++) {
      const { id } = await allow()
      const [used] = await Promise.all([consume(id, n), revoke(id)])
      expect(await statusOf(id)).toBe(used ? 'used' : 'revoked')
    }
  })

  test('when it is over already, it stays what it became', async () => {
    const { id } = await allow()
    await consume(id, 1)
    expect(overrideStatus(await revoke(id), NOW)).toBe('used')
    const late = await allow()
    expect(overrideStatus(await revoke(late.id, after(HOUR_MS)), after(HOUR_MS))).toBe('expired')
    await expectRefusal(revoke(decisionId(9)), 'OVERRIDE_NOT_FOUND')
  })
})

test('gateways forget those that nobody used, and are told so after the epoch they know', async () => {
  const { id } = await allow()
  const { rows } = await sql<{ epoch: number }>`select max(epoch) as epoch from feed_epoch`.execute(database.db)
  expect(await act((tx) => withdrawExpired(tx, after(HOUR_MS - 1)))).toBe(0)
  expect(await act((tx) => withdrawExpired(tx, after(HOUR_MS)))).toBe(1)
  expect(await act((tx) => withdrawExpired(tx, after(HOUR_MS)))).toBe(0)
  const pages = await act((tx) => pagesOf(tx, BigInt(rows[0]?.epoch ?? 0)))
  expect(pages.flatMap((page) => page.removedOverrideIds)).toEqual([id])
  expect(await told()).toBeUndefined()
})

test('a list goes back in time, page by page', async () => {
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.unshift((await allow()).id)
  const first = await act((tx) => overrides.before(tx, { peerId: PEER, last: undefined, limit: 3 }))
  const rest = await act((tx) => overrides.before(tx, { peerId: PEER, last: first.at(-1)?.id, limit: 3 }))
  expect([...first, ...rest].map(({ id }) => id)).toEqual(ids.toSorted().toReversed())
  expect(await act((tx) => overrides.before(tx, { peerId: decisionId(3), last: undefined, limit: 3 }))).toEqual([])
})

test.each([
  `update residency_override set used_at = null, decision_id = null`,
  `update residency_override set decision_id = gen_random_uuid()`,
  `update residency_override set expires_at = expires_at + interval '1 hour'`,
  `update residency_override set resource_id = ''`,
  `update residency_override set withdrawn_at = null`,
])('a used one is not made into another, by the owner neither: %s', async (change) => {
  await consume((await allow()).id, 1)
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  await expect(sql.raw(change).execute(owner)).rejects.toMatchObject({ code: '23514' })
  await owner.destroy()
})
