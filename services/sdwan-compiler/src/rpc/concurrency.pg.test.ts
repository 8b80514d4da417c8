import { inTransaction } from '@powernode/postgres'
import { testDatabase } from '@powernode/postgres/testing'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSpace } from '../operations/open-space.ts'
import { reap, VRF_KEPT_MS } from '../operations/reap.ts'
import type { Tables } from '../store/tables.ts'
import { HUB, idOf, memberOf, MIGRATIONS, NetworkWorld, put, remove } from '../testing/network-world.ts'

let world: NetworkWorld
beforeEach(async () => {
  world = await NetworkWorld.open()
})
afterEach(() => world.close())

const db = () => world.database.db
const vrfs = async () =>
  (await world.alice.listIntent({ kind: 'vrf_assignment' })).items.flatMap(({ kind }) =>
    kind.case === 'vrfAssignment' ? [kind.value] : [],
  )

test('of many that start at the same moment one draws the prefix of the installation, and the others find it', async () => {
  const empty = await testDatabase<Tables>({ schema: 'sdwan_compiler', dir: MIGRATIONS })
  const start = () => inTransaction(empty.db, (tx) => openSpace(tx, new Date(0), { accountId: 'a.example' }))
  const drawn = await Promise.all(Array.from({ length: 10 }, start))
  expect(new Set(drawn.map(({ install, account }) => `${install} ${account}`)).size).toBe(1)
  await empty.drop()
})

test('twenty replicas’ worth of changes at once: every prefix, address, port and table is somebody’s alone', async () => {
  const replica = world.replica()
  const node = idOf('one node')
  const asks = Array.from({ length: 20 }, (_, n) => {
    const networkId = idOf(`network ${n}`)
    const by = n % 2 === 0 ? world : replica
    return by.change(
      put('network', { id: networkId, name: `n${n}`, isolation: 'dedicated_vrf' }),
      put('member', memberOf(networkId, 'hub', { ...HUB, nodeInstanceId: node })),
    )
  })
  await Promise.all(asks)
  const { items } = await replica.alice.listIntent({ kind: 'member', pageSize: 100 })
  const members = items.flatMap(({ kind }) => (kind.case === 'member' ? [kind.value] : []))
  const networks = (await world.alice.listIntent({ kind: 'network' })).items.flatMap(({ kind }) =>
    kind.case === 'network' ? [kind.value] : [],
  )
  const distinct = (values: readonly unknown[]) => new Set(values).size
  expect(distinct(networks.map(({ cidr64 }) => cidr64))).toBe(20)
  expect(distinct(members.map(({ assignedAddress }) => assignedAddress))).toBe(20)
  expect(members.map(({ listenPort }) => listenPort).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, n) => 51_820 + n),
  )
  expect((await vrfs()).map(({ tableId }) => tableId).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, n) => 100 + n),
  )
  expect(distinct((await vrfs()).map(({ vrfName }) => vrfName))).toBe(20)
  // Both replicas compile the same bytes from what they read.
  const versions = async (of: NetworkWorld) => (await of.alice.compileNode({})).states.map(({ version }) => version)
  expect(await versions(replica)).toEqual(await versions(world))
  await replica.stop()
})

test('of two that change one record at the same moment the second is told so', async () => {
  const lab = await world.network('lab')
  const replica = world.replica()
  const asked = await Promise.allSettled([
    world.change(put('network', { ...lab, mtu: 1380 })),
    replica.change(put('network', { ...lab, mtu: 1400 })),
  ])
  expect(asked.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  await replica.stop()
})

test('a replica that has seen nothing compiles what the others have: everything is in Postgres', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  await world.member(lab.id, 'spoke-1', { tags: ['web'], lanSubnets: ['192.0.2.0/24'] })
  const rule = {
    networkId: lab.id,
    name: 'web',
    action: 'accept',
    direction: 'both',
    protocol: 'tcp',
    priority: 1,
    dst: { kind: { case: 'tag', value: 'web' } },
  } as const
  const policy = {
    name: 'p',
    scope: 'account',
    direction: 'import',
    statements: [{ action: 'accept', prefixIn: [{ prefix: 'fd00::/8', le: 64 }], setMed: 7 }],
  }
  await world.change(
    put('firewallRule', rule),
    put('routePolicy', policy),
    put('network', { ...lab, routingProtocol: 'ibgp' }),
  )
  const fresh = world.replica()
  const all = async (of: NetworkWorld) => {
    const { states } = await of.alice.compileNode({})
    return Promise.all(
      states.map(({ nodeInstanceId }) => of.alice.compileNode({ nodeInstanceId }).then(({ states: [state] }) => state)),
    )
  }
  expect(await all(fresh)).toEqual(await all(world))
  await fresh.stop()
})

describe('a routing table of its own', () => {
  test('is made with the member, kept for a day when the member goes, found again by who comes back, and then free', async () => {
    const lab = await world.network('lab', { isolation: 'dedicated_vrf' })
    const hub = await world.member(lab.id, 'hub-1', HUB)
    expect(await vrfs()).toMatchObject([{ tableId: 100, state: 'active', networkId: lab.id }])
    await world.change(remove('member', hub.id))
    expect(await vrfs()).toMatchObject([{ tableId: 100, state: 'removed' }])
    const other = await world.network('other', { isolation: 'dedicated_vrf' })
    await world.change(put('member', memberOf(other.id, 'hub-1', HUB)))
    expect((await vrfs()).map(({ tableId }) => tableId).toSorted((a, b) => a - b)).toEqual([100, 101])
    await world.change(put('member', memberOf(lab.id, 'hub-1', { ...HUB, listenPort: 51_900 })))
    expect((await vrfs()).map(({ state }) => state)).toEqual(['active', 'active'])
  })

  test('that was removed a day ago is reaped, and not an hour before', async () => {
    const lab = await world.network('lab', { isolation: 'dedicated_vrf' })
    await world.member(lab.id, 'hub-1', HUB)
    await world.change(remove('network', lab.id, true))
    const { compiler } = world.deps
    const later = (ms: number) => new Date(world.clock.now().getTime() + ms)
    const reaped = async (ms: number) => {
      const { reaped: count, network } = await inTransaction(db(), (tx) => reap(tx, later(ms), { compiler }))
      compiler.keep(network)
      return count
    }
    expect(await reaped(VRF_KEPT_MS - 3_600_000)).toBe(0)
    expect(await reaped(VRF_KEPT_MS)).toBe(1)
    expect(await vrfs()).toEqual([])
  })
})

describe('the database refuses what the code forbids', () => {
  const refused = (text: string) => expect(sql.raw(text).execute(db())).rejects.toThrow()

  test('prefixes that overlap, what was allocated and changes, members of another network in a list', async () => {
    const [a, b] = [await world.network('a'), await world.network('b')]
    const [one, two] = [await world.member(a.id, 'one', HUB), await world.member(b.id, 'two')]
    await refused(`update network set cidr = '${a.cidr64}' where id = '${b.id}'`)
    await refused(`update network set cidr = 'fd00:1::/64' where id = '${b.id}'`)
    await refused(`update member set address = 'fd00::7' where id = '${one.id}'`)
    await refused(`update member set node_id = node_id, network_id = '${b.id}' where id = '${one.id}'`)
    await refused(`update member set publicly_reachable = true, endpoint_v6 = null where id = '${one.id}'`)
    await refused(`update install set prefix = 'fd00::/40'`)
    await refused(`delete from network where id = '${a.id}'`)
    await world.change(
      put('virtualIp', {
        id: idOf('vip'),
        networkId: a.id,
        name: 'v',
        cidr: '192.0.2.1/32',
        holderMemberIds: [one.id],
      }),
    )
    await refused(`update virtual_ip set holders = array['${two.id}']::uuid[]`)
    await refused(`update virtual_ip set holders = array['${one.id}', '${one.id}']::uuid[]`)
    await refused(`delete from member where id = '${one.id}'`)
    await refused(`update virtual_ip set cidr = '192.0.2.0/24'`)
    await refused(`update network set status = 'gone'`)
    await refused(`update intent_state set version = -1`)
  })
})

test('what one deletes and another needs at the same moment: one of the two is refused', async () => {
  const lab = await world.network('lab')
  const replica = world.replica()
  const outcomes = await Promise.allSettled([
    world.change(remove('network', lab.id)),
    replica.change(put('member', memberOf(lab.id, 'late'))),
  ])
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  await expectRefusal(outcomes[0]?.status === 'rejected' ? world.change(remove('network', lab.id)) : replica.change(put('member', memberOf(lab.id, 'late'))), outcomes[0]?.status === 'rejected' ? 'INTENT_IN_USE' : 'INTENT_INVALID') // prettier-ignore
  await replica.stop()
})
