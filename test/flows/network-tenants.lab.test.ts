import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { ControlRoad } from '../lab/control-road.ts'
import { Lab, type LabNode } from '../lab/lab.ts'
import { startChassis, startOvn, type Ovn } from '../lab/ovn.ts'
import { PlatformNodes, type Node } from '../lab/platform-nodes.ts'
import { labSkip } from '../lab/requirements.ts'
import { answerOn, calls } from '../lab/sockets.ts'
import { TestPlatform } from '../mesh.ts'
import { typeJson, typeRefused } from './operator-at-keyboard.ts'

const TENANTS = ['acme', 'globex'] as const
type Tenant = (typeof TENANTS)[number]
type Vrf = {
  readonly path: string
  readonly vrf_name: string
  readonly node_instance_id: string
  readonly state: string
}
type Member = { readonly path: string; readonly assigned_address: string }

describe.skipIf(labSkip())('two tenants of one platform, on the same two nodes', () => {
  let lab: Lab
  let platform: TestPlatform
  let nodes: PlatformNodes
  let ovn: Ovn
  let one: Node
  let two: Node

  beforeAll(async () => {
    lab = await Lab.open()
    platform = await TestPlatform.start('t')
    nodes = await PlatformNodes.in(lab, platform, await ControlRoad.lay(lab))
    ovn = await startOvn(lab)
    const said = { bgp: true, env: { VRF_KIND: 'netns' } }
    ;[one, two] = await Promise.all([nodes.node('one', said), nodes.node('two', said)])
  })
  afterAll(async () => {
    nodes?.close()
    await lab?.close()
    await platform?.stop()
  })

  const net = <Said>(...words: string[]) => typeJson<Said>(platform, ['net', ...words])
  const network = (tenant: Tenant) => `tenant-${tenant}`

  /** The namespace that is this tenant's table on a node. */
  async function tableOf(tenant: Tenant, node: Node): Promise<LabNode> {
    const { vrf_assignments: vrfs } = await net<{ vrf_assignments: Vrf[] }>('vrf', 'list')
    const found = vrfs.find(
      ({ path, node_instance_id: id }) => path.startsWith(`${network(tenant)}@`) && id === node.id,
    )
    if (!found) throw new Error(`${tenant} has no table on ${node.lab.name}`)
    return lab.made(found.vrf_name)
  }
  const addressOf = async (tenant: Tenant, name: string) => {
    const { members } = await net<{ members: Member[] }>('member', 'list', '--network', network(tenant))
    return members.find(({ path }) => path.endsWith(`/${name}`))?.assigned_address ?? ''
  }

  test('each has its own network, table, firewall, switch and ACLs, by one command', async () => {
    for (const tenant of TENANTS) {
      const databases = tenant === 'acme' ? ['--nb', ovn.nbTcp, '--sb', ovn.nbTcp.replace('6641', '6642')] : []
      const { run } = await net<{ run: { state: string } }>('tenant', 'isolate', tenant, ...databases, '--wait')
      expect(run.state).toBe('done')
      const at = `${one.lab.v4}:${tenant === 'acme' ? 51820 : 51821}`
      await net('member', 'add', network(tenant), 'one', '--node', one.id, '--hub', '--endpoint', at)
      await net('member', 'add', network(tenant), 'two', '--node', two.id)
    }
    await nodes.applied(one, two)
    for (const tenant of TENANTS) for (const node of [one, two]) await answerOn(await tableOf(tenant, node), [443])
  })

  test('the same service of both: each reaches its own, and not the other’s', async () => {
    for (const tenant of TENANTS) {
      const other = tenant === 'acme' ? 'globex' : 'acme'
      const here = await tableOf(tenant, two)
      const there = await tableOf(tenant, one)
      const own = await addressOf(tenant, 'one')
      await eventually(
        () => calls(here, own, 443),
        (answer) => answer === there.name,
        60_000,
      )
      expect(await calls(here, await addressOf(other, 'one'), 443)).toBeUndefined()
      expect(await calls(here, await addressOf(other, 'two'), 443)).toBeUndefined()
    }
    expect(await calls(two.lab, await addressOf('acme', 'one'), 443)).toBeUndefined()
  })

  test('machines on their switches likewise: OVN lets each to its own alone', async () => {
    const { ovn_deployments: deployments } = await net<{ ovn_deployments: { path: string }[] }>(
      'ovn',
      'deployment',
      'list',
    )
    const deployment = deployments[0]?.path ?? ''
    await net('ovn', 'deployment', 'update', deployment, '--set', `northd_node_instance_id="${one.id}"`)
    const { networks } = await net<{ networks: { path: string; cidr_64: string }[] }>('tenant', 'list')
    const prefixOf = (tenant: Tenant) =>
      networks.find(({ path }) => path === network(tenant))?.cidr_64.replace('::/64', '') ?? ''
    const machines = [
      { name: 'acme-1', on: 'acme', address: `${prefixOf('acme')}::a1`, mac: '02:00:00:00:00:a1' },
      { name: 'acme-2', on: 'acme', address: `${prefixOf('acme')}::a2`, mac: '02:00:00:00:00:a2' },
      { name: 'globex-1', on: 'globex', address: `${prefixOf('globex')}::b1`, mac: '02:00:00:00:00:b1' },
    ] as const
    const add = ({ name, on, address, mac }: { name: string; on: string; address: string; mac: string }) => {
      const fields = { name, mac, addresses: [address], state: 'active' }
      const set = Object.entries(fields).flatMap(([key, value]) => ['--set', `${key}=${JSON.stringify(value)}`])
      return ['net', 'ovn', 'port', 'add', '--in', `${deployment}/ls-tenant-${on}`, ...set]
    }
    for (const machine of machines) await typeJson(platform, add(machine))
    // Nobody speaks on a tenant's switch from elsewhere: there is no such port.
    const stranger = { ...machines[2], name: 'stranger', on: 'acme' }
    expect(await typeRefused(platform, add(stranger))).toMatchObject({ reason: 'INTENT_INVALID' })
    await nodes.applied(one)

    const chassis = await startChassis(ovn)
    const [first, second, other] = await Promise.all(
      machines.map(({ name, mac, address }) => chassis.plug(name, { port: name, mac, addresses: [`${address}/48`] })),
    )
    if (!first || !second || !other) throw new Error('three machines')
    await answerOn(second, [443])
    const target = machines[1]
    await eventually(
      () => calls(first, target.address, 443),
      (answer) => answer === 'acme-2',
      60_000,
    )
    expect(await calls(other, target.address, 443)).toBeUndefined()
    // One of acme's own that speaks as one of globex.
    await first.batch(`addr del ${machines[0].address}/48 dev e0`, `addr add ${machines[2].address}/48 dev e0 nodad`)
    expect(await calls(first, target.address, 443)).toBeUndefined()

    const flow = (source: string) =>
      `inport=="acme-1" && eth.src==${machines[0].mac} && eth.dst==${target.mac} && ip6.src==${source} && ip6.dst==${target.address} && ip.ttl==64 && tcp.dst==443` // prettier-ignore
    expect(await ovn.trace('ls-tenant-acme', flow(machines[0].address))).toEqual(['acme-2'])
    expect(await ovn.trace('ls-tenant-acme', flow(machines[2].address))).toEqual([])
  })
})
