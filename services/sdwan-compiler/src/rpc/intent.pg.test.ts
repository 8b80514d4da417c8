import { timestampDate } from '@bufbuild/protobuf/wkt'
import { refusalOf } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inTransaction } from '@powernode/postgres'
import { sql } from 'kysely'
import { KINDS } from '../intent/columns.ts'
import * as intents from '../store/intent.ts'
import { HUB, idOf, memberOf, NetworkWorld, put, remove } from '../testing/network-world.ts'

let world: NetworkWorld
beforeEach(async () => {
  world = await NetworkWorld.open()
})
afterEach(() => world.close())

const kindsOf = async (kind: string) =>
  (await world.alice.listIntent({ kind })).items.map(({ kind: { value } }) => value)

test('a network is created: its /64 lies in the account’s /48, its slug is made of its name, and everybody hears of it', async () => {
  const lab = await world.network('Lab One')
  expect(lab).toMatchObject({
    name: 'Lab One',
    slug: 'lab-one',
    status: 'registered',
    topologyStrategy: 'hub_and_spoke',
    mtu: 1420,
  })
  expect(lab.cidr64).toMatch(/^fd[0-9a-f:]+::\/64$/)
  expect(lab.stamp).toMatchObject({ createdBy: 'operator/alice', updatedBy: 'operator/alice', version: 1n })
  expect((await world.network('lab one!'.replace('!', ' two'))).slug).toBe('lab-one-two')
  expect(await world.announced()).toEqual(['federation.sdwan.changed', 'federation.sdwan.changed'])
})

test('hub and spokes: one change makes the network and its members, and each node is compiled', async () => {
  const networkId = idOf('lab')
  const { plan, items } = await world.change(
    put('network', { id: networkId, name: 'lab' }),
    put('member', memberOf(networkId, 'hub-1', HUB)),
    put('member', memberOf(networkId, 'spoke-1')),
    put('member', memberOf(networkId, 'spoke-2', { lanSubnets: ['192.0.2.0/24'] })),
  )
  expect(plan?.changes).toEqual([
    'network_create lab',
    'member_create hub-1',
    'member_create spoke-1',
    'member_create spoke-2',
  ])
  expect(plan?.actions).toEqual(['sdwan.network_create', 'sdwan.peer_create'])
  expect(plan?.nodes).toHaveLength(3)
  expect(plan?.nodes.map(({ name }) => name).toSorted()).toEqual(['hub-1', 'spoke-1', 'spoke-2'])
  expect(plan?.nodes[0]?.artifacts).toContain('wireguard')
  const [network] = items.map(({ kind }) => (kind.case === 'network' ? kind.value.cidr64 : ''))
  const addresses = items.flatMap(({ kind }) => (kind.case === 'member' ? [kind.value.assignedAddress] : []))
  expect(new Set(addresses).size).toBe(3)
  for (const address of addresses) expect(address.startsWith((network ?? '').replace('::/64', ':'))).toBe(true)
  const { states } = await world.alice.compileNode({ nodeInstanceId: idOf('node of spoke-1') })
  expect(states[0]?.interfaces[0]?.config).toContain('[Peer]')
})

test('a rehearsal answers what would be, and keeps nothing; with its request id the change comes to the very plan', async () => {
  const before = await world.everythingKept()
  const changes = [put('network', { name: 'lab' })]
  const requestId = idOf('request')
  const tried = await world.alice.changeIntent({ changes, requestId, dryRun: true })
  expect(await world.everythingKept()).toBe(before)
  const done = await world.alice.changeIntent({ changes, requestId, planSha256: tried.plan?.sha256 ?? '' })
  expect(done.items).toEqual(tried.items)
  expect(done.plan).toEqual(tried.plan)
})

test('the same request again is the same change; another one under its id is refused', async () => {
  const req = { changes: [put('network', { name: 'lab' })], requestId: idOf('request') }
  const madeAt = world.clock.now()
  const first = await world.alice.changeIntent(req)
  expect(first.madeBeforeAt).toBeUndefined()
  const kept = await world.everythingKept()
  await world.clock.advance(60_000)
  const { madeBeforeAt, ...again } = await world.alice.changeIntent(req)
  expect(again).toEqual(first)
  expect(madeBeforeAt && timestampDate(madeBeforeAt), 'and says that nothing was changed by it').toEqual(madeAt)
  expect(await world.everythingKept()).toBe(kept)
  await expectRefusal(
    world.alice.changeIntent({ ...req, changes: [put('network', { name: 'other' })] }),
    'REQUEST_INVALID',
  )
})

test('a plan that somebody looked at is no other: when it would do something else by now, it is not done', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  const changes = [put('member', memberOf(lab.id, 'spoke-1', { publicKey: '' }))]
  const requestId = idOf('request')
  const { plan } = await world.alice.changeIntent({ changes, requestId, dryRun: true })
  await world.change(put('network', { ...lab, mtu: 1380 }))
  await expectRefusal(world.alice.changeIntent({ changes, requestId, planSha256: plan?.sha256 ?? '' }), 'PLAN_CHANGED')
  expect(await kindsOf('member')).toHaveLength(1)
})

test('what is said again changes nothing, whatever spelling it has; what is another grows by a version', async () => {
  const lab = await world.network('lab')
  const member = memberOf(lab.id, 'spoke-1', { lanSubnets: ['2001:DB8:0::/48', '192.0.2.0/24'], tags: ['b', 'a'] })
  const { items } = await world.change(put('member', member))
  const made = items[0]?.kind.case === 'member' ? items[0].kind.value : undefined
  expect(made).toMatchObject({ lanSubnets: ['192.0.2.0/24', '2001:db8::/48'], tags: ['a', 'b'] })
  const again = await world.change(put('member', { ...member, id: made?.id ?? '' }))
  expect(again.plan).toMatchObject({ changes: [], actions: [], nodes: [] })
  const { items: moved } = await world.change(put('member', { ...member, id: made?.id ?? '', tags: ['a'] }))
  expect(moved[0]?.kind.value?.stamp?.version).toBe(2n)
  expect(await world.announced()).toHaveLength(3)
})

test('who read a record that somebody has changed since is told so', async () => {
  const lab = await world.network('lab')
  await world.change(put('network', { ...lab, mtu: 1380 }))
  await expectRefusal(world.change(put('network', { ...lab, mtu: 1400 })), 'INTENT_CHANGED')
})

test('all or none: of a change of which one part is refused nothing is written', async () => {
  const before = await world.everythingKept()
  await expectRefusal(world.change(put('network', { name: 'a' }), put('network', { name: 'a' })), 'INTENT_EXISTS')
  await expectRefusal(
    world.change(put('network', { name: 'a' }), remove('network', idOf('nobody'))),
    'INTENT_NOT_FOUND',
  )
  expect(await world.everythingKept()).toBe(before)
})

test('of what is the matter a change shows what it brings up or writes, and counts the rest; a name that is taken is said with its holder', async () => {
  const lab = await world.network('lab')
  const idle = (name: string) => put('firewallRule', { networkId: lab.id, name, action: 'accept', direction: 'both', protocol: 'tcp', priority: 1, dst: { kind: { case: 'tag', value: name } } }) // prettier-ignore
  const first = await world.change(put('member', memberOf(lab.id, 'spoke-1')), idle('one'))
  expect(first.plan?.warnings.join()).toMatch(/RULE_MEANS_NOBODY.*accept one of lab/)
  const second = await world.change(idle('two'))
  expect(second.plan?.warnings.join()).toMatch(/RULE_MEANS_NOBODY.*accept two of lab/)
  expect(second.plan?.warnings.join()).not.toContain('accept one')
  expect(second.plan?.warnings.at(-1)).toMatch(/^and \d that were there before: fedctl net compile$/)
  const taken = world.change(put('member', memberOf(lab.id, 'spoke-1', { nodeInstanceId: idOf('another') })))
  await expect(taken).rejects.toThrow('there is a member with this name in its network already: spoke-1')
})

test('two records may exchange their names in one change', async () => {
  const [a, b] = [await world.network('a'), await world.network('b')]
  await world.change(put('network', { ...a, name: 'b', slug: 'b' }), put('network', { ...b, name: 'a', slug: 'a' }))
  expect((await world.alice.getIntent({ kind: 'network', id: 'a' })).item?.kind.value?.id).toBe(b.id)
})

describe('deleting', () => {
  test('what others hang on is kept, and they are named; with cascade they go too', async () => {
    const lab = await world.network('lab')
    const hub = await world.member(lab.id, 'hub-1', HUB)
    const spoke = await world.member(lab.id, 'spoke-1')
    await world.change(
      put('portMapping', {
        memberId: hub.id,
        listenPort: 443,
        protocol: 'tcp',
        target: { case: 'targetMemberId', value: spoke.id },
      }),
    )
    const refused = await expectRefusal(world.change(remove('member', spoke.id)), 'INTENT_IN_USE')
    expect(refused.message).toMatch(/port_mapping/)
    const { plan } = await world.change(remove('network', lab.id, true))
    expect(plan?.changes.at(-1)).toBe('network_delete lab')
    expect(plan?.actions).toContain('sdwan.network_delete')
    expect((await world.alice.listIntent({})).items).toEqual([])
    expect((await world.alice.compileNode({})).states).toEqual([])
  })

  test('a virtual IP lets go of a member, and of its last holder it is unassigned', async () => {
    const lab = await world.network('lab')
    const [one, two] = [
      await world.member(lab.id, 'one', HUB),
      await world.member(lab.id, 'two', { ...HUB, endpointHostV6: '2001:db8::2' }),
    ]
    const vip = {
      networkId: lab.id,
      name: 'web',
      cidr: '192.0.2.7/32',
      holderMemberIds: [one.id],
      failoverMemberIds: [two.id],
    }
    await world.change(put('virtualIp', vip))
    await expectRefusal(world.change(remove('member', one.id)), 'INTENT_IN_USE')
    await world.change(remove('member', one.id, true))
    expect(await kindsOf('virtual_ip')).toMatchObject([
      { holderMemberIds: [], failoverMemberIds: [two.id], state: 'unassigned' },
    ])
  })
})

describe('a rule that names a member', () => {
  test('and accepts: without the member it matches nothing, and stays', async () => {
    const lab = await world.network('lab', { firewallDefaultPolicy: 'drop' })
    await world.member(lab.id, 'hub-1', HUB)
    const gone = await world.member(lab.id, 'gone')
    const rule = {
      networkId: lab.id,
      name: 'let in',
      action: 'accept',
      direction: 'both',
      protocol: 'tcp',
      priority: 1,
    }
    await world.change(put('firewallRule', { ...rule, src: { kind: { case: 'memberId', value: gone.id } } }))
    await world.change(remove('member', gone.id))
    expect(await kindsOf('firewall_rule')).toHaveLength(1)
  })

  test('and forbids: what it forbids would be open without the member, so the change is refused; both together are not', async () => {
    const lab = await world.network('lab')
    await world.member(lab.id, 'hub-1', HUB)
    const bad = await world.member(lab.id, 'bad')
    const rule = {
      id: idOf('rule'),
      networkId: lab.id,
      name: 'keep out',
      action: 'drop',
      direction: 'both',
      protocol: 'any',
      priority: 1,
    }
    await world.change(put('firewallRule', { ...rule, src: { kind: { case: 'memberId', value: bad.id } } }))
    const before = await world.everythingKept()
    await expectRefusal(world.change(remove('member', bad.id)), 'RULE_VANISHES')
    expect(await world.everythingKept()).toBe(before)
    await world.change(remove('member', bad.id), remove('firewall_rule', rule.id))
    expect(await kindsOf('firewall_rule')).toEqual([])
  })
})

test('tests beside the intent: what breaks one is refused, unless somebody says why it is written all the same', async () => {
  const lab = await world.network('lab', { firewallDefaultPolicy: 'drop' })
  await world.member(lab.id, 'hub-1', HUB)
  await world.member(lab.id, 'web')
  const { id: user } = await world.member(lab.id, 'user')
  const rule = {
    id: idOf('rule'),
    networkId: lab.id,
    name: 'web',
    action: 'accept',
    direction: 'both',
    protocol: 'tcp',
    priority: 1,
    dstPorts: { from: 443, to: 443 },
  }
  const reach = { name: 'web is reached', src: 'user', accept: ['web:tcp/443'], deny: ['web:tcp/22'] }
  await expectRefusal(world.change(put('test', reach)), 'TEST_FAILED')
  await world.change(put('firewallRule', rule), put('test', reach))
  expect((await world.alice.runTests({})).tests).toMatchObject([{ name: 'web is reached', passed: true, failure: '' }])
  const without = await world.change(remove('member', user, true)).catch(refusalOf)
  expect(without).toMatchObject({ reason: 'TEST_FAILED', next: "fedctl net test remove 'web is reached'" })
  const wider = put('firewallRule', { ...rule, dstPorts: { from: 1, to: 443 } })
  await expectRefusal(world.change(wider), 'TEST_FAILED')
  const { plan } = await world.alice.changeIntent({ changes: [wider], overrideTestsReason: 'for an hour' })
  expect(plan?.warnings.join()).toMatch(/written although tests fail.*for an hour/)
  // What fails already keeps nobody from changing something else.
  await world.network('another')
  expect((await world.alice.explain({ src: 'user', dst: 'web', protocol: 'tcp', port: 22 })).reachable).toBe(true)
})

test('all that is wanted, read in one statement, is what each kind is read as', async () => {
  const lab = await world.network('lab')
  const hub = await world.member(lab.id, 'hub', { ...HUB, lanSubnets: ['192.0.2.0/24', 'fd00:aa::/48'], tags: ['web'] })
  const web = await world.member(lab.id, 'web')
  const ovn = { id: idOf('ovn'), name: 'ovn', status: 'active', nbDbEndpoint: 'tcp:192.0.2.9:6641', sbDbEndpoint: 'tcp:192.0.2.9:6642', northdNodeInstanceId: idOf('node of hub') } as const // prettier-ignore
  await world.change(
    put('virtualIp', { networkId: lab.id, name: 'v', cidr: '198.51.100.7/32', holderMemberIds: [hub.id] }),
    put('portMapping', { memberId: hub.id, listenPort: 443, protocol: 'tcp', target: { case: 'targetMemberId', value: web.id }, sourceCidrs: ['203.0.113.0/24', '2001:db8::/32'] }), // prettier-ignore
    put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', prefixIn: [{ prefix: '10.0.0.0/8' }] }] }), // prettier-ignore
    put('accountBgp', {}),
    put('ovnDeployment', ovn),
  )
  await inTransaction(world.database.db, async (tx) => {
    await sql`insert into vrf_assignment (id, version, created_at, created_by, updated_at, updated_by, node_id, network_id, table_id, vrf_name, state, removed_at)
      values (${idOf('vrf')}, 1, '2026-01-02T03:04:05.678Z', 'a', '2026-01-02T03:04:05.678Z', 'a', ${idOf('node of hub')}, ${lab.id}, 1000, 'vr-x', 'removed', '2026-01-02T03:04:05.678Z')`.execute(tx) // prettier-ignore
    const all = await intents.readAll(tx)
    for (const kind of KINDS) {
      const alone = await intents.readKind(tx, kind)
      expect([...all[kind]], kind).toEqual([...alone])
      expect(JSON.stringify([...all[kind]]), 'in the same order').toBe(JSON.stringify([...alone]))
    }
    expect(KINDS.filter((kind) => all[kind].size > 0)).toHaveLength(8)
    expect(all.vrf_assignment.get(idOf('vrf'))?.removedAt).toEqual(new Date('2026-01-02T03:04:05.678Z'))
  })
})

test('pages follow one another without a gap, over all kinds', async () => {
  const lab = await world.network('lab')
  for (const name of ['a', 'b', 'c']) await world.member(lab.id, name)
  const seen: string[] = []
  for (let pageToken = ''; ;) {
    const page = await world.alice.listIntent({ pageSize: 3, pageToken })
    seen.push(...page.items.map(({ kind }) => kind.value?.id ?? ''))
    if (page.nextPageToken === '') break
    pageToken = page.nextPageToken
  }
  expect(seen).toHaveLength(4)
  expect(new Set(seen).size).toBe(4)
  await expectRefusal(world.alice.listIntent({ pageToken: 'bogus' }), 'PAGE_TOKEN_INVALID')
})
