import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { until } from '@powernode/events/testing'
import type { NodeState } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import { SealingKey } from '@powernode/identity'
import { expectRefusal } from '@powernode/rpc/testing'
import { sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { HUB, idOf, memberOf, NetworkWorld, newKey, put, remove } from '../testing/network-world.ts'

let world: NetworkWorld
const stopping: (() => void)[] = []
beforeEach(async () => {
  world = await NetworkWorld.open()
})
afterEach(async () => {
  for (const stop of stopping.splice(0)) stop()
  await world.close()
})

/** What a node is sent, as it comes. */
function watch(of: NetworkWorld, name: string, version = '') {
  const states: NodeState[] = []
  const giveUp = new AbortController()
  stopping.push(() => giveUp.abort())
  const stream = of.asNode(idOf(`node of ${name}`)).watchDesiredState({ version }, { signal: giveUp.signal })
  void (async () => {
    for await (const { state } of stream) if (state) states.push(state)
  })().catch(() => undefined)
  return states
}

const sent = async (states: readonly NodeState[], count: number): Promise<NodeState> => {
  await until(async () => states.length >= count)
  const last = states[count - 1]
  if (!last) throw new Error('nothing was sent')
  return last
}

test('a node is sent what follows for it, and again when that changes; a change elsewhere sends it nothing', async () => {
  const lab = await world.network('lab')
  const hub = watch(world, 'hub-1')
  await world.member(lab.id, 'hub-1', HUB)
  const first = await sent(hub, 1)
  expect(first.nodeInstanceId).toBe(idOf('node of hub-1'))
  expect(first.interfaces[0]?.name).toMatch(/^wg-[a-z2-7]{12}$/)
  const other = await world.network('other')
  await world.member(other.id, 'elsewhere')
  await world.member(lab.id, 'spoke-1')
  const second = await sent(hub, 2)
  expect(second.version).not.toBe(first.version)
  expect(second.interfaces[0]?.config.match(/\[Peer\]/g)).toHaveLength(1)
})

test('who has what it should is sent nothing, also after a new connection', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  const { version } = await sent(watch(world, 'hub-1'), 1)
  const again = watch(world, 'hub-1', version)
  await world.network('another')
  await world.member(lab.id, 'spoke-1')
  expect((await sent(again, 1)).version).not.toBe(version)
})

test('a node has four streams at most: with one more its oldest ends, and the others go on', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  const hub = world.asNode(idOf('node of hub-1'))
  const giveUp = new AbortController()
  stopping.push(() => giveUp.abort())
  const oldest = hub.watchDesiredState({}, { signal: giveUp.signal })[Symbol.asyncIterator]()
  await oldest.next()
  const others: NodeState[][] = []
  for (let nth = 0; nth < 4; nth++) {
    const states = watch(world, 'hub-1')
    await sent(states, 1)
    others.push(states)
  }
  expect(await oldest.next()).toMatchObject({ done: true })
  await world.member(lab.id, 'spoke-1')
  for (const states of others) await sent(states, 2)
})

test('every replica sends what any of them changed', async () => {
  const replica = world.replica()
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  const states = watch(replica, 'hub-1')
  await sent(states, 1)
  await world.member(lab.id, 'spoke-1')
  await sent(states, 2)
  await replica.stop()
})

test('a node that is taken out of its last network is told to carry nothing', async () => {
  const lab = await world.network('lab')
  const hub = await world.member(lab.id, 'hub-1', HUB)
  const states = watch(world, 'hub-1')
  await sent(states, 1)
  await world.change(remove('member', hub.id))
  expect(await sent(states, 2)).toMatchObject({ interfaces: [], nftables: '', frr: '' })
})

test('preshared keys: both ends of a pair are sent the same, nobody else is, and they rest nowhere', async () => {
  const lab = await world.network('lab', { presharedKeys: true })
  await world.member(lab.id, 'hub-1', HUB)
  await world.member(lab.id, 'spoke-1')
  await world.member(lab.id, 'spoke-2')
  const keys = async (name: string) => Object.values((await sent(watch(world, name), 1)).interfaces[0]?.preshared ?? {})
  const [hub, one, two] = [await keys('hub-1'), await keys('spoke-1'), await keys('spoke-2')]
  expect(hub).toHaveLength(2)
  expect(new Set(hub)).toEqual(new Set([...one, ...two]))
  expect(one).not.toEqual(two)
  const [key = ''] = one
  expect(Buffer.from(key, 'base64')).toHaveLength(32)
  const kept = await world.everythingKept()
  for (const secret of hub)
    for (const spelling of [secret, Buffer.from(secret, 'base64').toString('hex')]) expect(kept).not.toContain(spelling)
  const { states } = await world.alice.compileNode({ nodeInstanceId: idOf('node of spoke-1') })
  expect(JSON.stringify(states[0]?.interfaces[0]?.preshared)).toBe('{}')
})

test('a network whose secret is lost says so, and has other keys when an operator says; what is in order keeps its own', async () => {
  const lab = await world.network('lab', { presharedKeys: true })
  const other = await world.network('other', { presharedKeys: true })
  for (const [network, name] of [[lab, 'hub-1'], [lab, 'spoke-1'], [other, 'hub-2'], [other, 'spoke-2']] as const)
    await world.member(network.id, name, name.startsWith('hub') ? { ...HUB, endpointHostV6: `2001:db8::${name.at(-1)}` } : {}) // prettier-ignore
  const watched = watch(world, 'spoke-1')
  const before = await sent(watched, 1)
  const others = await sent(watch(world, 'spoke-2'), 1)
  const keysOf = ({ interfaces }: NodeState) => Object.values(interfaces[0]?.preshared ?? {})
  const elsewhere = new SealingKey(Buffer.alloc(32, 7)).seal(Buffer.alloc(32, 1), `network_secret/${lab.id}`)
  await sql`update network_secret set sealed = ${elsewhere} where network_id = ${lab.id}`.execute(world.database.db)

  const asked = await sent(watch(world, 'hub-1'), 1)
  expect(asked.interfaces[0]).toMatchObject({ preshared: {}, withheld: [expect.any(String)] })
  const { problems } = await world.alice.listProblems({ network: 'lab' })
  expect(problems).toMatchObject([{ code: 'SECRET_LOST', record: `network/${lab.id}`, leftOut: true }])
  expect((await world.alice.listProblems({ network: 'other' })).problems).toEqual([])

  expect((await world.alice.rekeyNetworks({ dryRun: true })).lines).toEqual(['network_rekey lab'])
  expect((await world.alice.rekeyNetworks({})).lines).toEqual(['network_rekey lab'])
  const after = await sent(watched, 2)
  expect(keysOf(after)).toHaveLength(1)
  expect(keysOf(after)).not.toEqual(keysOf(before))
  expect(keysOf(await sent(watch(world, 'hub-1'), 1)), 'both ends the same').toEqual(keysOf(after))
  expect(keysOf(await sent(watch(world, 'spoke-2'), 1))).toEqual(keysOf(others))
  expect((await world.alice.listProblems({})).problems).toEqual([])

  // Nothing is lost any more; what is named is made anew all the same, and an edit of the network does not turn it back.
  expect((await world.alice.rekeyNetworks({})).lines).toEqual([])
  await world.alice.rekeyNetworks({ networks: ['lab'], reason: 'a laptop was stolen' })
  const third = await sent(watched, 3)
  expect(keysOf(third)).not.toEqual(keysOf(after))
  const { item } = await world.alice.getIntent({ kind: 'network', id: 'lab' })
  if (item?.kind.case === 'network') await world.change(put('network', { ...item.kind.value, mtu: 1380 }))
  expect(keysOf(await sent(watched, 4))).toEqual(keysOf(third))
})

describe('keys of nodes', () => {
  test('a node registers the public half of its own interface, and others are told of it', async () => {
    const lab = await world.network('lab')
    await world.member(lab.id, 'hub-1', HUB)
    await world.member(lab.id, 'spoke-1', { publicKey: '' })
    const hub = watch(world, 'hub-1')
    await sent(hub, 1)
    const { interfaces } = await sent(watch(world, 'spoke-1'), 1)
    const name = interfaces[0]?.name ?? ''
    expect(interfaces[0]?.publicKey).toBe('')
    const publicKey = newKey()
    await world.asNode(idOf('node of spoke-1')).registerKeys({ keys: [{ interface: name, publicKey }] })
    expect((await sent(hub, 2)).interfaces[0]?.config).toContain(`PublicKey = ${publicKey}`)
    const { item } = await world.alice.getIntent({ kind: 'member', id: 'spoke-1' })
    expect(item?.kind.value).toMatchObject({
      publicKey,
      stamp: { updatedBy: `instance/${idOf('node of spoke-1')}`, version: 2n },
    })
    const kept = await world.everythingKept()
    await world.asNode(idOf('node of spoke-1')).registerKeys({ keys: [{ interface: name, publicKey }] })
    expect(await world.everythingKept()).toBe(kept)
  })

  test('of another node’s interface, of another’s key, and of no key at all: refused, and nothing is written', async () => {
    const lab = await world.network('lab')
    const hub = await world.member(lab.id, 'hub-1', HUB)
    await world.member(lab.id, 'spoke-1', { publicKey: '' })
    const theirs = (await sent(watch(world, 'hub-1'), 1)).interfaces[0]?.name ?? ''
    const own = (await sent(watch(world, 'spoke-1'), 1)).interfaces[0]?.name ?? ''
    const spoke = world.asNode(idOf('node of spoke-1'))
    const kept = await world.everythingKept()
    await expectRefusal(spoke.registerKeys({ keys: [{ interface: theirs, publicKey: newKey() }] }), 'NODE_NOT_FOUND')
    await expectRefusal(spoke.registerKeys({ keys: [{ interface: own, publicKey: hub.publicKey }] }), 'INTENT_EXISTS')
    const zero = Buffer.alloc(32).toString('base64')
    await expectRefusal(spoke.registerKeys({ keys: [{ interface: own, publicKey: zero }] }), 'REQUEST_INVALID')
    await expectRefusal(
      world.asNode(idOf('stranger')).registerKeys({ keys: [{ interface: own, publicKey: newKey() }] }),
      'NODE_NOT_FOUND',
    )
    expect(await world.everythingKept()).toBe(kept)
  })

  test('an operator who changes a member and says nothing of its key leaves it', async () => {
    const lab = await world.network('lab')
    const spoke = await world.member(lab.id, 'spoke-1')
    const { items } = await world.change(
      put('member', { ...memberOf(lab.id, 'spoke-1', { publicKey: '' }), id: spoke.id, tags: ['web'] }),
    )
    expect(items[0]?.kind.value).toMatchObject({ publicKey: spoke.publicKey, tags: ['web'] })
  })
})

describe('what a node says of itself', () => {
  const at = (ms: number) => timestampFromDate(new Date(world.clock.now().getTime() + ms))

  test('is told once when it changes: applied, rolled back, drifted', async () => {
    const lab = await world.network('lab')
    await world.member(lab.id, 'hub-1', HUB)
    const hub = world.asNode(idOf('node of hub-1'))
    const { version } = await sent(watch(world, 'hub-1'), 1)
    expect(await hub.confirmState({ version })).toMatchObject({ current: true })
    expect(await hub.confirmState({ version: 'f'.repeat(64) })).toMatchObject({ current: false })
    const before = (await world.announced()).length
    await hub.reportNode({ appliedVersion: version })
    await hub.reportNode({ appliedVersion: version })
    const drifted = [{ name: 'nftables', status: 'drifted', detail: 'somebody flushed it' }]
    await hub.reportNode({ appliedVersion: version, backEnds: drifted })
    await hub.reportNode({ appliedVersion: version, backEnds: drifted })
    await hub.reportNode({ appliedVersion: version, rolledBackVersion: 'e'.repeat(64), rolledBackReason: 'no answer' })
    expect((await world.announced()).slice(before)).toEqual([
      'federation.sdwan.node_applied',
      'federation.sdwan.node_drifted',
      'federation.sdwan.node_rolled_back',
    ])
    const { nodes } = await world.alice.listNodes({})
    expect(nodes).toMatchObject([{ desiredVersion: version, report: { rolledBackReason: 'no answer' } }])
  })

  test('is not told without end: sixty times an hour at most, and then as it is by then', async () => {
    const lab = await world.network('lab')
    await world.member(lab.id, 'hub-1', HUB)
    const hub = world.asNode(idOf('node of hub-1'))
    const before = (await world.announced()).length
    const version = (nth: number) => nth.toString(16).padStart(64, '0')
    for (let nth = 1; nth <= 70; nth++) await hub.reportNode({ appliedVersion: version(nth) })
    expect((await world.announced()).length - before).toBe(60)
    await world.clock.advance(3_600_000)
    await hub.reportNode({ appliedVersion: version(70) })
    await hub.reportNode({ appliedVersion: version(70) })
    expect((await world.announced()).length - before).toBe(61)
  })

  test('both ends of a tunnel that shook hands are active, then degraded, then disconnected; the future is no moment', async () => {
    const lab = await world.network('lab')
    await world.member(lab.id, 'hub-1', HUB)
    const spoke = await world.member(lab.id, 'spoke-1')
    await world.member(lab.id, 'spoke-2')
    const state = await sent(watch(world, 'hub-1'), 1)
    const name = state.interfaces[0]?.name ?? ''
    const hub = world.asNode(idOf('node of hub-1'))
    await hub.reportNode({
      handshakes: [
        { interface: name, publicKey: spoke.publicKey, at: at(-1_000) },
        { interface: name, publicKey: newKey(), at: at(60_000) },
        { interface: 'wg-somebodyelse', publicKey: spoke.publicKey, at: at(0) },
      ],
    })
    const statuses = async () => {
      const { items } = await world.alice.listIntent({ kind: 'member' })
      return Object.fromEntries(
        items.map(({ kind }) => (kind.case === 'member' ? [kind.value.name, kind.value.status] : ['', ''])),
      )
    }
    expect(await statuses()).toEqual({ 'hub-1': 'active', 'spoke-1': 'active', 'spoke-2': 'pending' })
    await world.clock.advance(4 * 60_000)
    expect(await statuses()).toMatchObject({ 'hub-1': 'degraded', 'spoke-1': 'degraded' })
    await world.clock.advance(2 * 60_000)
    expect(await statuses()).toMatchObject({ 'spoke-1': 'disconnected' })
    const { vertices, edges } = await world.alice.getTopology({ network: 'lab' })
    expect(vertices.map(({ name: called, role }) => [called, role])).toEqual(expect.arrayContaining([['hub-1', 'hub'], ['spoke-1', 'spoke']])) // prettier-ignore
    expect(edges).toHaveLength(2)
  })

  test('a spoke that lies brings nobody to life but whom it has a tunnel with: no other spoke of its own network', async () => {
    const lab = await world.network('lab')
    const hub = await world.member(lab.id, 'hub-1', HUB)
    const dead = await world.member(lab.id, 'spoke-1')
    await world.member(lab.id, 'attacker')
    const { interfaces } = await sent(watch(world, 'attacker'), 1)
    const tell = (publicKey: string) => world.asNode(idOf('node of attacker')).reportNode({ handshakes: [{ interface: interfaces[0]?.name ?? '', publicKey, at: at(0) }] }) // prettier-ignore
    const statusOf = async (id: string) => (await world.alice.getIntent({ kind: 'member', id })).item?.kind.value
    await tell(dead.publicKey)
    expect(await statusOf('spoke-1')).toMatchObject({ status: 'pending' })
    expect(await statusOf('attacker'), 'nobody was heard').toMatchObject({ status: 'pending' })
    await tell(hub.publicKey)
    expect(await statusOf('hub-1')).toMatchObject({ status: 'active' })
    expect(await statusOf('attacker')).toMatchObject({ status: 'active' })
  })

  test('of a member of another network a node knows nothing, whatever it says of its key', async () => {
    const lab = await world.network('lab')
    const hub = await world.member(lab.id, 'hub-1', HUB)
    const other = await world.network('other')
    await world.member(other.id, 'stranger')
    const { interfaces } = await sent(watch(world, 'stranger'), 1)
    const handshakes = [{ interface: interfaces[0]?.name ?? '', publicKey: hub.publicKey, at: at(0) }]
    await world.asNode(idOf('node of stranger')).reportNode({ handshakes })
    const { item } = await world.alice.getIntent({ kind: 'member', id: 'hub-1' })
    expect(item?.kind.value).toMatchObject({ status: 'pending' })
  })
})

test('routes that a node really has are measured; what is only meant is said to be only that', async () => {
  const lab = await world.network('lab', { routingProtocol: 'ibgp' })
  const hub = await world.member(lab.id, 'hub-1', HUB)
  const spoke = await world.member(lab.id, 'spoke-1', { lanSubnets: ['192.0.2.0/24'] })
  const routes = async () => (await world.alice.getRoutingSummary({ network: 'lab' })).bgpRoutes
  expect((await routes()).every(({ measured }) => !measured)).toBe(true)
  expect(await routes()).toEqual(expect.arrayContaining([expect.objectContaining({ prefix: '192.0.2.0/24', source: `member:${spoke.id}`, measured: false })])) // prettier-ignore
  const node = world.asNode(hub.nodeInstanceId)
  const bgpRoutes = [
    { prefix: '192.0.2.0/24', nextHop: spoke.assignedAddress, asPath: '', best: true, vrfName: '' },
    { prefix: '198.51.100.0/24', nextHop: '::1', asPath: '', best: true, vrfName: '' },
  ]
  await node.reportNode({ bgpMeasured: false, bgpRoutes })
  expect((await routes()).some(({ measured }) => measured)).toBe(false)
  await node.reportNode({ bgpMeasured: true, bgpRoutes })
  const found = await routes()
  expect(found.filter(({ measured }) => measured)).toEqual([
    expect.objectContaining({ prefix: '192.0.2.0/24', source: `member:${spoke.id}`, nextHop: spoke.assignedAddress, nodeInstanceIds: [hub.nodeInstanceId] }),
  ]) // prettier-ignore
  expect(found.map(({ prefix }) => prefix)).not.toContain('198.51.100.0/24')
})

test('a virtual IP passes on: the next in line holds it, and it is active when that node has taken it', async () => {
  const lab = await world.network('lab')
  await world.member(lab.id, 'hub-1', HUB)
  const [one, two] = [await world.member(lab.id, 'one'), await world.member(lab.id, 'two')]
  const vip = {
    id: idOf('vip'),
    networkId: lab.id,
    name: 'web',
    cidr: '192.0.2.7/32',
    holderMemberIds: [one.id],
    failoverMemberIds: [two.id],
  }
  await world.change(put('virtualIp', vip))
  const state = async () => {
    const { item } = await world.alice.getIntent({ kind: 'virtual_ip', id: 'web' })
    return item?.kind.case === 'virtualIp' ? item.kind.value.state : ''
  }
  const applies = async (name: string) => {
    const nodeInstanceId = idOf(`node of ${name}`)
    const { states } = await world.alice.compileNode({ nodeInstanceId })
    await world.asNode(nodeInstanceId).reportNode({ appliedVersion: states[0]?.version ?? '' })
  }
  expect(await state()).toBe('pending')
  await applies('one')
  expect(await state()).toBe('active')
  const { virtualIp } = await world.alice.failOverVirtualIp({ virtualIpId: vip.id, reason: 'one is repaired' })
  expect(virtualIp).toMatchObject({ holderMemberIds: [two.id], failoverMemberIds: [one.id] })
  expect(await state()).toBe('failing_over')
  await applies('two')
  expect(await state()).toBe('active')
  const { states } = await world.alice.compileNode({ nodeInstanceId: idOf('node of two') })
  expect(states[0]?.heldAddresses).toMatchObject([{ cidr: '192.0.2.7/32' }])
  await world.change(put('virtualIp', { ...vip, holderMemberIds: [one.id], failoverMemberIds: [] }))
  await expectRefusal(world.alice.failOverVirtualIp({ virtualIpId: vip.id }), 'INTENT_INVALID')
})

describe('a deployment of OVN that ends', () => {
  const ovnAt = (nodeInstanceId: string, nbDbEndpoint = 'tcp:192.0.2.9:6641') =>
    ({ id: idOf('ovn'), name: 'ovn', status: 'active', nbDbEndpoint, sbDbEndpoint: 'tcp:192.0.2.9:6642', northdNodeInstanceId: nodeInstanceId }) as const // prettier-ignore
  const said = (name: 'ovn' | 'nftables', status: string) => ({ backEnds: [{ name, status }] })

  test('goes on being sent to its node, wanting nothing, until the node has that version and its database is done', async () => {
    const node = world.asNode(idOf('node of a'))
    await node.reportNode({})
    await world.change(put('ovnDeployment', ovnAt(idOf('node of a'))))
    const states = watch(world, 'a')
    const placed = await sent(states, 1)
    await world.change(remove('ovn_deployment', idOf('ovn')))
    const ending = await sent(states, 2)
    expect(ending).toMatchObject({
      ovnEndings: [{ deploymentId: idOf('ovn'), nbDbEndpoint: 'tcp:192.0.2.9:6641', commands: [], desired: {} }],
    })
    expect(ending.ovn).toBeUndefined()
    const { warnings } = await world.alice.compileNode({})
    expect(warnings).toContainEqual(expect.stringContaining('OVN_ENDING'))

    // Another version, another node, and a database that is away: each says nothing of it.
    await node.reportNode({ appliedVersion: placed.version, ...said('ovn', 'applied') })
    await node.reportNode({ appliedVersion: ending.version, ...said('ovn', 'failed') })
    await node.reportNode({ appliedVersion: ending.version, ...said('nftables', 'applied') })
    await world.asNode(idOf('node of b')).reportNode({ appliedVersion: ending.version, ...said('ovn', 'applied') })
    expect((await world.alice.compileNode({ nodeInstanceId: idOf('node of a') })).states[0]?.version).toBe(ending.version) // prettier-ignore
    await node.reportNode({ appliedVersion: ending.version, ...said('ovn', 'applied') })
    expect((await sent(states, 3)).ovnEndings).toEqual([])
    expect((await world.alice.compileNode({})).warnings).toEqual([])
  })

  test('leaves nothing to do where its database goes on elsewhere, and two things where that is another one', async () => {
    for (const name of ['a', 'b']) await world.asNode(idOf(`node of ${name}`)).reportNode({})
    await world.change(put('ovnDeployment', ovnAt(idOf('node of a'))))
    await world.change(put('ovnDeployment', ovnAt(idOf('node of b'))))
    expect((await world.alice.compileNode({})).warnings).toEqual([])
    await world.change(put('ovnDeployment', ovnAt(idOf('node of a'), 'tcp:192.0.2.10:6641')))
    const { states } = await world.alice.compileNode({ nodeInstanceId: idOf('node of b') })
    expect(states[0]?.ovnEndings).toMatchObject([{ nbDbEndpoint: 'tcp:192.0.2.9:6641' }])
    // Back where it was, its records are wanted again: nobody may take them away.
    await world.change(put('ovnDeployment', ovnAt(idOf('node of a'))))
    expect((await world.alice.compileNode({ nodeInstanceId: idOf('node of a') })).states[0]?.ovnEndings).toMatchObject([{ nbDbEndpoint: 'tcp:192.0.2.10:6641' }]) // prettier-ignore
    expect((await world.alice.compileNode({})).states.map(({ nodeInstanceId }) => nodeInstanceId)).toEqual([idOf('node of a')]) // prettier-ignore
  })

  test('is not waited for where nobody has ever written it', async () => {
    await world.change(put('ovnDeployment', ovnAt(idOf('node of nobody'))))
    await world.change(remove('ovn_deployment', idOf('ovn')))
    expect((await world.alice.compileNode({})).warnings).toEqual([])
  })

  const waitedFor = async (): Promise<Record<string, readonly string[]>> => {
    const versions = (await world.alice.compileNode({})).states
    const compiled = await Promise.all(versions.map(({ nodeInstanceId }) => world.alice.compileNode({ nodeInstanceId }))) // prettier-ignore
    const states = compiled.flatMap((each) => each.states)
    return Object.fromEntries(states.filter(({ ovnEndings }) => ovnEndings.length > 0).map(({ nodeInstanceId, ovnEndings }) => [nodeInstanceId, ovnEndings.map(({ nbDbEndpoint }) => nbDbEndpoint)])) // prettier-ignore
  }
  const versionOf = async (name: string) =>
    (await world.alice.compileNode({ nodeInstanceId: idOf(`node of ${name}`) })).states[0]?.version ?? ''
  const appliedBy = async (name: string) =>
    world.asNode(idOf(`node of ${name}`)).reportNode({ appliedVersion: await versionOf(name), ...said('ovn', 'applied') }) // prettier-ignore

  test('is taken away by the node that wrote it, where the one that was to go on with it never did', async () => {
    const [a, b, database] = [idOf('node of a'), idOf('node of b'), 'tcp:192.0.2.9:6641']
    await world.asNode(a).reportNode({})
    await world.change(put('ovnDeployment', ovnAt(a)))
    await appliedBy('a')
    await world.change(put('ovnDeployment', ovnAt(b)))
    await world.change(put('ovnDeployment', ovnAt(idOf('node of c'))))
    await world.change(remove('ovn_deployment', idOf('ovn')))
    expect(await waitedFor()).toEqual({ [a]: [database] })

    // There again, and ended before anybody has said anything: it is still what the first one wrote.
    await world.change(put('ovnDeployment', ovnAt(b)))
    expect(await waitedFor()).toEqual({})
    await world.change(put('ovnDeployment', ovnAt(b, 'tcp:192.0.2.10:6641')))
    expect(await waitedFor()).toEqual({ [a]: [database] })
  })

  test('is taken away by the node that has gone on with it, and by that one alone', async () => {
    const [a, b, database] = [idOf('node of a'), idOf('node of b'), 'tcp:192.0.2.9:6641']
    for (const id of [a, b]) await world.asNode(id).reportNode({})
    await world.change(put('ovnDeployment', ovnAt(a)))
    await appliedBy('a')
    await world.change(put('ovnDeployment', ovnAt(b)))
    const before = await versionOf('b')
    await world.change(remove('ovn_deployment', idOf('ovn')))
    expect(await waitedFor(), 'b may have written, and has not said so').toEqual({ [a]: [database], [b]: [database] })

    await world.change(put('ovnDeployment', ovnAt(b)))
    expect(await versionOf('b')).toBe(before)
    await world.asNode(b).reportNode({ appliedVersion: before, ...said('ovn', 'failed') })
    await appliedBy('b')
    await world.change(remove('ovn_deployment', idOf('ovn')))
    expect(await waitedFor()).toEqual({ [b]: [database] })
  })

  test('is given up by its id where another bore the same name, and for one node where two are waited for', async () => {
    const [a, b] = [idOf('node of a'), idOf('node of b')]
    const [first, second] = [idOf('first ovn'), idOf('second ovn')]
    for (const id of [a, b]) await world.asNode(id).reportNode({})
    for (const id of [first, second]) {
      await world.change(put('ovnDeployment', { ...ovnAt(a), id }))
      if (id === second) await world.change(put('ovnDeployment', { ...ovnAt(b), id }))
      await world.change(remove('ovn_deployment', id))
    }
    const reason = 'the rack burnt down'
    const refused = await expectRefusal(world.alice.giveOvnEndingUp({ deployment: 'ovn', reason }), 'INTENT_AMBIGUOUS')
    for (const id of [first, second]) expect(refused.metadata['ids']).toContain(id)
    expect((await world.alice.listProblems({})).problems).toHaveLength(3)
    await world.alice.giveOvnEndingUp({ deployment: second, nodeInstanceId: b, reason })
    expect((await world.alice.listProblems({})).problems.map(({ record }) => record).sort()).toEqual([first, second].map((id) => `ovn_deployment/${id}`).sort()) // prettier-ignore
    await expectRefusal(world.alice.giveOvnEndingUp({ deployment: second, nodeInstanceId: b, reason }), 'INTENT_NOT_FOUND') // prettier-ignore
    await world.alice.giveOvnEndingUp({ deployment: first, reason })
    await world.alice.giveOvnEndingUp({ deployment: 'ovn', reason })
    expect((await world.alice.listProblems({})).problems).toEqual([])
  })

  test('is given up for a node that does not come back, with the reason in the news; nobody waits twice', async () => {
    await world.asNode(idOf('node of a')).reportNode({})
    await world.change(put('ovnDeployment', ovnAt(idOf('node of a'))))
    await world.change(remove('ovn_deployment', idOf('ovn')))
    const asked = { deployment: 'ovn', reason: 'the rack burnt down' }
    const tried = await world.alice.giveOvnEndingUp({ ...asked, dryRun: true })
    expect((await world.alice.compileNode({})).warnings).toHaveLength(1)
    const { lines } = await world.alice.giveOvnEndingUp(asked)
    expect(lines).toEqual(tried.lines)
    expect(lines).toMatchObject([expect.stringMatching(/^ovn_ending_give_up ovn: node .* the rack burnt down$/)])
    expect((await world.alice.compileNode({})).warnings).toEqual([])
    expect((await world.announced()).at(-1)).toBe('federation.sdwan.changed')
    await expectRefusal(world.alice.giveOvnEndingUp(asked), 'INTENT_NOT_FOUND')
  })
})
