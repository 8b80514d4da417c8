import { inTransaction } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import type { KyselyPlugin } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ApprovalPolicy } from '../../approval-policy.ts'
import type { Relationship } from '../../review.ts'
import * as policies from '../../store/approval-policies.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { SEALING } from '../../testing/grants.ts'
import { endPeer } from '../grants/end-peer.ts'
import { applyDefaults } from '../reviews/apply-defaults.ts'
import { cascadePolicies, type Rule } from './cascade-policies.ts'
import { setPolicy } from './set-policy.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const BY = { actor: 'service/node-agent', requestId: 'r-1', traceparent: '' }
const ALICE = { ...BY, actor: 'operator/alice' }
const REVOKE = 'sdwan.federation_peer_revoke'
const CREATE = 'sdwan.network_create'
const RULES: readonly Rule[] = [
  { action: REVOKE, verb: 'require_approval', approvers: 2 },
  { action: CREATE, verb: 'blocked', approvers: 1 },
]
const OF_THE_PARENT = { setBy: `peer/${PEER}` }

const act = <T>(verb: (tx: GrantTx, now: Date) => Promise<T>) => inTransaction(database.db, (tx) => verb(tx, NOW))
const cascade = (rules = RULES) => act((tx, now) => cascadePolicies(tx, now, { by: BY, peerId: PEER, rules }))
const policyOf = (action: string): Promise<ApprovalPolicy | undefined> => act((tx) => policies.find(tx, action))
const setByAlice = (action: string, verb: ApprovalPolicy['verb'], approvers = 0) =>
  act((tx, now) => setPolicy(tx, now, { by: ALICE, action, verb, approvers }))
const become = (relationship: Relationship) =>
  act((tx, now) =>
    applyDefaults(tx, now, { peerId: PEER, relationship, suspended: false, sealing: SEALING, cause: CAUSE }),
  )
async function statementsOf(rules: readonly Rule[]): Promise<number> {
  let statements = 0
  const counting: KyselyPlugin = {
    transformQuery: ({ node }) => ((statements += 1), node),
    transformResult: ({ result }) => Promise.resolve(result),
  }
  await act((tx, now) => cascadePolicies(tx.withPlugin(counting), now, { by: BY, peerId: PEER, rules }))
  return statements
}
const CHILD = { mode: 'managed_child', role: 'child' } as const

test('the policies of the parent hold where nobody of the child has set one', async () => {
  await become(CHILD)
  await cascade()
  expect(await policyOf(REVOKE)).toMatchObject({ verb: 'require_approval', approvers: 2, ...OF_THE_PARENT })
  expect(await policyOf(CREATE)).toMatchObject({ verb: 'blocked', ...OF_THE_PARENT })
})

test('what an operator of the child has set stays, before the cascade and after it', async () => {
  await become(CHILD)
  await setByAlice(REVOKE, 'auto_approve')
  await cascade()
  expect(await policyOf(REVOKE)).toMatchObject({ verb: 'auto_approve', setBy: 'operator/alice' })
  await setByAlice(CREATE, 'auto_approve')
  await cascade()
  expect(await policyOf(CREATE)).toMatchObject({ verb: 'auto_approve', setBy: 'operator/alice' })
})

test('an operator who sets what the parent says has set it: it outlives the parent', async () => {
  await become(CHILD)
  await cascade()
  await setByAlice(CREATE, 'blocked')
  await act((tx, now) => endPeer(tx, now, { peerId: PEER, reason: 'over', cause: CAUSE }))
  expect(await policyOf(CREATE)).toMatchObject({ verb: 'blocked', setBy: 'operator/alice' })
})

test('the same cascade again changes nothing, and nobody hears of it', async () => {
  await become(CHILD)
  await cascade()
  const before = (await act(announced)).length
  expect(await cascade()).toHaveLength(2)
  expect(await act(announced)).toHaveLength(before)
})

test('a later cascade takes the place of the earlier, and what was before both is still remembered', async () => {
  await become(CHILD)
  const own = await policyOf(CREATE)
  await cascade()
  await cascade([{ action: CREATE, verb: 'require_approval', approvers: 3 }])
  expect(await policyOf(CREATE)).toMatchObject({ verb: 'require_approval', approvers: 3, ...OF_THE_PARENT })
  await become({ mode: 'autonomous_peer', role: 'symmetric' })
  expect(await policyOf(CREATE)).toEqual(own)
})

test('an emancipated child decides for itself again, and so does one whose parent is gone', async () => {
  const own = [await policyOf(REVOKE), await policyOf(CREATE)]
  await become(CHILD)
  await cascade()
  await become({ mode: 'autonomous_peer', role: 'symmetric' })
  expect([await policyOf(REVOKE), await policyOf(CREATE)]).toEqual(own)
  await become(CHILD)
  await cascade()
  await act((tx, now) => endPeer(tx, now, { peerId: PEER, reason: 'over', cause: CAUSE }))
  expect([await policyOf(REVOKE), await policyOf(CREATE)]).toEqual(own)
})

test('nobody who is not our parent has its policies hold here', async () => {
  await expect(cascade()).rejects.toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })
  await become({ mode: 'managed_child', role: 'parent' })
  await expect(cascade()).rejects.toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })
})

test('all the policies of a parent cost no more than one: a slow machine takes them over in time', async () => {
  await become(CHILD)
  const every = (await act((tx) => policies.list(tx))).map(({ action }) => ({ action, verb: 'blocked', approvers: 1 }) as const) // prettier-ignore
  const [one, all] = [await statementsOf(every.slice(0, 1)), await statementsOf(every)]
  expect(every.length).toBeGreaterThan(40)
  expect((await act((tx) => policies.list(tx))).every(({ setBy }) => setBy === OF_THE_PARENT.setBy)).toBe(true)
  expect(all).toBe(one)
})

test('an action that only the parent knows is passed over', async () => {
  await become(CHILD)
  expect(await cascade([{ action: 'later.action', verb: 'blocked', approvers: 1 }])).toEqual([])
})
