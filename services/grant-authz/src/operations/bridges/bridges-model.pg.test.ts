import { inTransaction, openDb } from '@powernode/postgres'
import type { TestDatabase } from '@powernode/postgres/testing'
import fc from 'fast-check'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BridgeMove } from '../../bridge.ts'
import { readPolicyOf } from '../../feed/policy.ts'
import * as bridges from '../../store/bridges.ts'
import type { GrantTx, Tables } from '../../store/tables.ts'
import { announced, CAUSE, NOW, PEER, testGrants } from '../../testing.ts'
import { idOf } from '../../testing/grants.ts'
import { endPeer } from '../grants/end-peer.ts'
import { moveBridge } from './move-bridge.ts'
import { proposeBridge } from './propose-bridge.ts'

let database: TestDatabase<Tables>
beforeEach(async () => {
  database = await testGrants()
})
afterEach(() => database.drop())

const act = <T>(verb: (tx: GrantTx) => Promise<T>) => inTransaction(database.db, verb)
const propose = (network: string, peerId = PEER) =>
  act((tx) => proposeBridge(tx, NOW, { peerId, sdwanNetworkId: network, cause: CAUSE }))
const move = (bridgeId: string, how: BridgeMove) =>
  act((tx) => moveBridge(tx, NOW, { bridgeId, move: how, reason: 'r', cause: CAUSE }))

/** One bridge a network, in its own words: where it stands, and what each move makes of it. */
type Model = { readonly bridges: Map<string, { network: string; state: string }>; events: number }
const NEXT: Readonly<Record<string, string>> = {
  'proposed activate': 'active', 'proposed revoke': 'revoked', 'active activate': 'active', 'active resume': 'active',
  'active suspend': 'suspended', 'active revoke': 'revoked', 'suspended suspend': 'suspended', 'suspended resume': 'active',
  'suspended revoke': 'revoked', 'revoked revoke': 'revoked',
} // prettier-ignore

const outcome = async (doing: Promise<unknown>): Promise<string> => {
  try {
    await doing
    return ''
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return String(error.reason)
    throw error
  }
}

async function agree(model: Model): Promise<void> {
  const found = await act((tx) => bridges.page(tx, { peerId: PEER, last: undefined, limit: 99 }))
  expect(new Map(found.map(({ id, sdwanNetworkId: network, state }) => [id, { network, state }]))).toEqual(
    model.bridges,
  )
  const { policy } = await act((tx) => readPolicyOf(tx, { peerId: PEER, grantId: undefined }))
  for (const network of ['n1', 'n2']) {
    const live = [...model.bridges.values()].find((one) => one.network === network && one.state !== 'revoked')
    expect(policy.bridgeState(PEER, network)).toBe(live?.state)
  }
  expect((await act(announced)).length).toBe(model.events)
}

test('whatever is done with bridges, in whatever order, the database is where a simple model says', async () => {
  const proposing = fc.constantFrom('n1', 'n2').map((network): fc.AsyncCommand<Model, null> => ({
    check: () => true,
    async run(model) {
      const stands = [...model.bridges.values()].some((one) => one.network === network && one.state !== 'revoked')
      const doing = propose(network)
      expect(await outcome(doing)).toBe(stands ? 'BRIDGE_EXISTS' : '')
      if (!stands) {
        model.bridges.set((await doing).id, { network, state: 'proposed' })
        model.events += 1
      }
      await agree(model)
    },
    toString: () => `propose(${network})`,
  }))
  const moving = fc
    .tuple(fc.nat(5), fc.constantFrom<BridgeMove>('activate', 'suspend', 'resume', 'revoke'))
    .map(([n, how]): fc.AsyncCommand<Model, null> => ({
      check: ({ bridges: held }) => held.size > 0,
      async run(model) {
        const [id, one] = [...model.bridges][n % model.bridges.size]!
        const next = NEXT[`${one.state} ${how}`]
        expect(await outcome(move(id, how))).toBe(next ? '' : 'MOVE_NOT_ALLOWED')
        if (next && next !== one.state) model.events += 1
        model.bridges.set(id, { ...one, state: next ?? one.state })
        await agree(model)
      },
      toString: () => `${how}(${n})`,
    }))
  await fc.assert(
    fc.asyncProperty(
      fc.commands([proposing, moving, moving, moving], { maxCommands: 30, size: 'max' }),
      async (some) => {
        await database.drop()
        database = await testGrants()
        await fc.asyncModelRun(() => ({ model: { bridges: new Map(), events: 0 }, real: null }), some)
      },
    ),
    { numRuns: 10 },
  )
})

test('two who move a bridge at once, and twenty who propose the same: one of each', async () => {
  const proposed = await Promise.allSettled(Array.from({ length: 20 }, () => propose('n1')))
  const made = proposed.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  expect(made).toHaveLength(1)
  await Promise.all([move(made[0]!.id, 'activate'), move(made[0]!.id, 'activate')])
  const [one, other] = await Promise.allSettled([move(made[0]!.id, 'suspend'), move(made[0]!.id, 'revoke')])
  expect(other.status).toBe('fulfilled')
  if (one.status === 'rejected') expect(one.reason).toMatchObject({ reason: 'MOVE_NOT_ALLOWED' })
})

test('a bridge ends with its peer, and is proposed to none that is over', async () => {
  const { id } = await propose('n1')
  await move(id, 'activate')
  await act((tx) => endPeer(tx, NOW, { peerId: PEER, reason: 'sold', cause: CAUSE }))
  expect(await act((tx) => bridges.lock(tx, id))).toMatchObject({ state: 'revoked', revocationReason: 'sold' })
  expect(await outcome(propose('n2'))).toBe('PEER_REVOKED')
})

test.each([
  [`update network_bridge set state = 'active', revoked_at = null where state = 'revoked'`],
  [`update network_bridge set state = 'suspended', suspended_at = proposed_at where state = 'proposed'`],
  [`update network_bridge set sdwan_network_id = 'n9'`],
  [`update network_bridge set peer_id = '${idOf(1)}'`],
  [`update network_bridge set state = 'active' where state = 'proposed'`],
  [
    `insert into network_bridge (id, peer_id, sdwan_network_id, state, proposed_at, activated_at)
     select gen_random_uuid(), peer_id, 'n8', 'active', proposed_at, proposed_at from network_bridge`,
  ],
])('the table refuses, of its owner too: %s', async (change) => {
  await act((tx) => proposeBridge(tx, NOW, { peerId: idOf(1), sdwanNetworkId: 'n1', cause: CAUSE }))
  await propose('n1')
  const { id } = await propose('n2')
  await move(id, 'revoke')
  const owner = openDb<Tables>({ url: database.ownerUrl, schema: 'grant_authz', applicationName: 'test' })
  await expect(sql.raw(change).execute(owner)).rejects.toMatchObject({ code: '23514' })
  await owner.destroy()
})
