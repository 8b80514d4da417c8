import { readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openTools, ToolFailed, type Tools } from '@powernode/node-agent/network/tools'
import { describe, expect, test } from 'vitest'
import { eventually } from '../eventually.ts'
import { startAgent, type Agent, type AgentSaid } from './agent.ts'
import { ControlPlane } from './control-plane.ts'
import { startFrr } from './frr.ts'
import { Lab, must, run } from './lab.ts'
import { firewall, newName, newNode, state, tunnel, type State } from './node-states.ts'
import { startOvn } from './ovn.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls } from './sockets.ts'

const ECHO = 'icmpv6 type echo-request counter accept comment "echo"'
const BGP = 'tcp dport 179 counter accept comment "control"'

const reportOf = (control: ControlPlane, id: string) => control.heard(id).reports.at(-1)
const applied = (control: ControlPlane, id: string, wanted: State) =>
  eventually(
    () => Promise.resolve(reportOf(control, id)),
    (report) => report?.appliedVersion === wanted.version,
  )

/** Nodes with agents that have made their keys. */
async function keyedNodes(lab: Lab, control: ControlPlane, names: readonly string[], env: AgentSaid['env'] = {}) {
  const ends = await Promise.all(
    names.map(async (own, index) => ({ node: await lab.node(own), id: newNode(), name: newName(), address: `fd00:77::${index + 1}` })), // prettier-ignore
  )
  const agents: Agent[] = await Promise.all(ends.map((end) => startAgent({ ...end, control, env })))
  for (const { id, name, address } of ends) control.want(id, state({ interfaces: [tunnel({ name, address })] }))
  const keyOf = ({ id, name }: (typeof ends)[number]): string => control.heard(id).keys.get(name) ?? ''
  await eventually(
    () => Promise.resolve(ends.map(keyOf)),
    (keys) => keys.every(Boolean),
  )
  const stop = async () => {
    for (const agent of agents) await agent.stop()
  }
  return { ends, agents, keyOf, stop }
}

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping', 'bgpd', 'frr-reload.py']))('BGP of a node', () => {
  test('sessions and the whole table are told as they are, and a configuration that somebody changed is put right', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { ends, keyOf, stop } = await keyedNodes(lab, control, ['a', 'b'])
    const [a, b] = ends
    if (!a || !b) throw new Error('two nodes')
    const frr = await startFrr(a.node)
    await startFrr(b.node)
    const wanted = ends.map((end, index) => {
      const far = end === a ? b : a
      const own = index + 1
      const config = `frr defaults traditional\nhostname n-${own}\nrouter bgp 4200000001\n bgp router-id 10.0.0.${own}\n no bgp default ipv4-unicast\n no bgp network import-check\n bgp route-map delay-timer 1\n coalesce-time 50\n neighbor ${far.address} remote-as 4200000001\n neighbor ${far.address} timers connect 1\n neighbor ${far.address} update-source ${end.address}\n address-family ipv6 unicast\n  network fd00:b${own}::/48\n  neighbor ${far.address} activate\n exit-address-family\nexit\n`
      return state({
        interfaces: [
          tunnel({
            ...end,
            peers: [{ key: keyOf(far), allowed: [`${far.address}/128`, `fd00:b${3 - own}::/48`], endpoint: `${far.node.v4}:51820` }], // prettier-ignore
            routes: ['fd00:77::/64'],
            more: { publicKey: keyOf(end) },
          }),
        ],
        nftables: firewall([end.name], [ECHO, BGP]),
        frr: config,
      })
    })
    for (const [index, end] of ends.entries()) control.want(end.id, wanted[index] ?? {})
    const report = await eventually(
      () => Promise.resolve(reportOf(control, a.id)),
      (seen) => seen?.bgpRoutes.some(({ prefix, best }) => prefix === 'fd00:b2::/48' && best) === true,
      60_000,
    )
    expect(report?.bgpMeasured).toBe(true)
    expect(report?.bgpSessions).toMatchObject([{ neighbor: b.address, state: 'Established', prefixesReceived: 1 }])
    expect(report?.bgpRoutes.find(({ prefix }) => prefix === 'fd00:b2::/48')?.nextHop).toBe(b.address)
    expect(await a.node.must('ip', ['-6', 'route', 'show', 'proto', 'bgp'])).toContain('fd00:b2::/48')

    await frr.vtysh('configure terminal', 'no router bgp 4200000001')
    await eventually(
      () => Promise.resolve(control.heard(a.id).reports),
      (reports) => reports.some(({ backEnds }) => backEnds.some((each) => each.name === 'frr' && each.status === 'drifted')), // prettier-ignore
    )
    await eventually(
      () => frr.vtysh('show running-config'),
      (running) => running.includes('router bgp 4200000001'),
    )
    // A tunnel of ours that nobody wants any more, whoever left it there, goes.
    const stray = newName()
    await a.node.must('ip', ['link', 'add', 'dev', stray, 'type', 'veth', 'peer', 'name', 'r1-stray'])
    await a.node.must('ip', ['link', 'set', 'dev', stray, 'alias', 'powernode'])
    await eventually(
      () => a.node.must('ip', ['-br', 'link']),
      (links) => !links.includes(stray),
    )
    // Without BGP from now on: FRR is told so, also when it does not answer at the moment.
    const sockets = `/var/run/frr/${frr.pathspace}`
    renameSync(sockets, `${sockets}.away`)
    const without = state({ interfaces: [tunnel({ ...a })] })
    control.want(a.id, without)
    await applied(control, a.id, without)
    renameSync(`${sockets}.away`, sockets)
    await eventually(
      () => frr.vtysh('show running-config'),
      (running) => !running.includes('router bgp'),
    )
    expect(readFileSync(frr.configFile, 'utf8')).not.toContain('router bgp')
    expect(await a.node.must('sysctl', ['-n', 'net.ipv6.conf.all.forwarding'])).toBe('1\n')
    await stop()
  })
})

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ovn-nbctl', 'ovn-northd']))('OVN by way of a node', () => {
  test('one transaction, pruned of what bears our mark alone; a database that is away holds nothing else up', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const ovn = await startOvn(lab)
    await ovn.nbctl('ls-add', 'theirs', '--', 'lsp-add', 'theirs', 'their-vm')
    const node = await lab.node('a')
    const id = newNode()
    const agent = await startAgent({ node, id, control })
    const deploymentId = newNode()
    const mark = `external_ids:powernode_ovn_deployment=${deploymentId}`
    const at: Record<string, string> = { vm1: '02:00:00:00:00:01 fd10::1', vm2: '02:00:00:00:00:02 fd10::2' }
    const plan = (ports: readonly string[], name = 'ours'): State =>
      state({
        nftables: firewall([newName()], []),
        ovn: {
          deploymentId,
          nbDbEndpoint: ovn.nbTcp,
          commands: [
            ['--may-exist', 'ls-add', name],
            ['set', 'Logical_Switch', name, mark],
            ...ports.flatMap((port) => [
              ['--may-exist', 'lsp-add', name, port],
              ['lsp-set-addresses', port, at[port] ?? '02:00:00:00:00:03 fd10::3'],
              ['set', 'Logical_Switch_Port', port, mark],
            ]),
            ['acl-del', name, 'to-lport', '1000', 'ip6'],
            ['--id=@acl0', 'create', 'ACL', 'direction=to-lport', 'priority=1000', 'match="ip6"', 'action=drop', 'name=no', mark], // prettier-ignore
            ['add', 'Logical_Switch', name, 'acls', '@acl0'],
          ].map((args) => ({ args })),
          desired: {
            switches: [name],
            ports: ports.map((port) => `${name}/${port}`),
            acls: [`${name}/to-lport/1000/ip6`],
          },
        },
      })
    const first = plan(['vm1', 'vm2'])
    control.want(id, first)
    await applied(control, id, first)
    expect(await ovn.nbctl('show')).toMatch(/vm1[^]*vm2|vm2[^]*vm1/)
    expect(await ovn.nbctl('acl-list', 'ours')).toContain('drop')

    // The address of one that goes is the other's in the same transaction.
    at['vm2'] = at['vm1'] ?? ''
    const second = plan(['vm2'])
    control.want(id, second)
    await applied(control, id, second)
    const shown = await ovn.nbctl('show')
    expect(shown).not.toContain('vm1')
    expect(shown).toContain('fd10::1')
    expect(shown).toContain('their-vm')

    // Somebody takes a port away, and adds one of their own to our switch: ours comes back, theirs stays.
    await ovn.nbctl('lsp-del', 'vm2', '--', 'lsp-add', 'ours', 'stranger')
    await eventually(
      () => ovn.nbctl('show'),
      (text) => text.includes('vm2') && text.includes('stranger'),
    )
    // A switch of somebody else is not taken over.
    const grasping = plan([], 'theirs')
    control.want(id, grasping)
    const report = await eventually(
      () => Promise.resolve(reportOf(control, id)),
      (seen) => seen?.appliedVersion === grasping.version,
    )
    expect(report?.backEnds.find(({ name }) => name === 'ovn')).toMatchObject({ status: 'failed', detail: 'the switch theirs is there and not ours' }) // prettier-ignore
    expect(await ovn.nbctl('show')).toContain('vm2')

    ovn.killNorthbound()
    const third = plan(['vm3'])
    control.want(id, third)
    const away = await applied(control, id, third)
    expect(away?.backEnds.map(({ name, status }) => [name, status])).toContainEqual(['ovn', 'failed'])
    expect(away?.backEnds.map(({ name, status }) => [name, status])).toContainEqual(['nftables', 'applied'])
    await ovn.startNorthbound()
    await eventually(
      () => ovn.nbctl('show'),
      (text) => text.includes('vm3') && !text.includes('vm2'),
    )

    // It ends while its database is away, and the agent is started anew: what bears its mark goes all the same, and nothing else.
    const noPlan = { commands: [], desired: { switches: [], ports: [], acls: [] } }
    const ending = state({ ovnEndings: [{ deploymentId, nbDbEndpoint: ovn.nbTcp, ...noPlan }] })
    ovn.killNorthbound()
    control.want(id, ending)
    const waiting = await applied(control, id, ending)
    expect(waiting?.backEnds.map(({ name, status }) => [name, status])).toContainEqual(['ovn', 'failed'])
    await agent.stop()
    await ovn.startNorthbound()
    await eventually(
      () => ovn.nbctl('show').catch(() => ''),
      (text) => text.includes('vm3'),
    )
    const anew = await startAgent({ node, id, control })
    await eventually(
      () => Promise.resolve(reportOf(control, id)),
      (seen) => seen?.backEnds.some(({ name, status }) => name === 'ovn' && status === 'applied') === true,
    )
    const left = await ovn.nbctl('show')
    expect(left).not.toMatch(/vm3|\(ours\)/)
    expect(left).toContain('their-vm')
    expect(await ovn.nbctl('list', 'ACL')).toBe('')
    await anew.stop()
  })
})

const STREAM = fileURLToPath(new URL('stream.mjs', import.meta.url))

/** The tools of a node, of which conntrack fails while it is to. */
function withoutConntrack(netns: string | undefined): { tools: Tools; fails: boolean; asked: number } {
  const real = openTools(netns)
  const fault = {
    fails: false,
    asked: 0,
    tools: {
      ...real,
      must(command: string, args: readonly string[], options?: Parameters<Tools['must']>[2]): Promise<string> {
        if (command !== 'conntrack') return real.must(command, args, options)
        fault.asked += 1
        if (fault.fails && args[0] === '-R') return Promise.reject(new ToolFailed('conntrack -R: killed'))
        return real.must(command, args, options)
      },
    },
  }
  return fault
}

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'conntrack']))('connections whose rule has gone', () => {
  test('end when conntrack can do it again, whoever the agent is by then; until then the report says that they go on', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const ends = await Promise.all(['caller', 'server'].map(async (own, index) => ({ node: await lab.node(own), id: newNode(), name: newName(), address: `fd00:77::${index + 1}` }))) // prettier-ignore
    const [caller, server] = ends
    if (!caller || !server) throw new Error('two nodes')
    const fault = withoutConntrack(server.node.netns)
    const start = () => startAgent({ ...server, control }, { tools: fault.tools })
    const agents = [await startAgent({ ...caller, control }), await start()]
    for (const { id, name, address } of ends) control.want(id, state({ interfaces: [tunnel({ name, address })] }))
    const keyOf = ({ id, name }: typeof caller): string => control.heard(id).keys.get(name) ?? ''
    await eventually(() => Promise.resolve(ends.map(keyOf)), (keys) => keys.every(Boolean)) // prettier-ignore
    const wanted = (end: typeof caller, ports: readonly number[]): State => {
      const far = end === caller ? server : caller
      const peers = [{ key: keyOf(far), allowed: [`${far.address}/128`], endpoint: `${far.node.v4}:51820` }]
      const rules = ['ct state established,related ct mark != 1346847744 counter accept', ...ports.map((port) => `tcp dport ${port} counter accept comment "rule"`)] // prettier-ignore
      const nftables = firewall([end.name], rules)
        .replaceAll('net_in', 'net_lab_in')
        .replace('"default"', '"default lab"')
        .replace('    ct state established,related accept\n', '')
      return state({
        interfaces: [tunnel({ ...end, peers, routes: ['fd00:77::/64'], more: { publicKey: keyOf(end) } })],
        nftables: end === server ? nftables : '',
      })
    }
    const becomes = async (ports: readonly number[]): Promise<void> => {
      const next = wanted(server, ports)
      control.want(server.id, next)
      await applied(control, server.id, next)
    }
    const calling = wanted(caller, [])
    control.want(caller.id, calling)
    await applied(control, caller.id, calling)
    await becomes([443, 445, 446])
    await server.node.start('serves', process.execPath, [STREAM, 'serve', '445,446'])
    await answerOn(server.node, [443])
    await eventually(() => calls(caller.node, server.address, 443), Boolean, 60_000) // prettier-ignore
    await eventually(() => server.node.must('ss', ['-ltn']), (all) => all.includes(':446 '), 60_000) // prettier-ignore
    for (const port of [445, 446])
      await caller.node.start(`stream-${port}`, process.execPath, [STREAM, 'call', server.address, String(port)])
    const streamed = (port: number): number =>
      readFileSync(join(lab.dir, `${caller.node.name}-stream-${port}.log`), 'utf8').match(/\+/g)?.length ?? 0
    /** More comes back on it; waited for as long as it takes. */
    const goesOn = async (port: number): Promise<void> => {
      const before = streamed(port)
      await eventually(() => Promise.resolve(streamed(port)), (now) => now > before + 2, 60_000) // prettier-ignore
    }
    const firewallOf = () => reportOf(control, server.id)?.backEnds.find(({ name }) => name === 'nftables')
    const said = (status: string) =>
      eventually(() => Promise.resolve(firewallOf()), (its) => its?.status === status, 60_000) // prettier-ignore
    for (const port of [445, 446]) await goesOn(port)

    fault.fails = true
    await becomes([443, 446])
    expect((await said('failed'))?.detail).toMatch(/go on until they are ended.*conntrack -R: killed/)
    const asked = fault.asked
    await eventually(() => Promise.resolve(fault.asked), (now) => now > asked + 4) // prettier-ignore
    for (const port of [445, 446]) await goesOn(port)

    // Another version that has nothing to do with it, and another agent: neither forgets.
    await becomes([443, 446, 447])
    await agents.pop()?.stop()
    agents.push(await start())
    const from = control.heard(server.id).reports.length
    await eventually(() => Promise.resolve(control.heard(server.id).reports.length), (now) => now > from) // prettier-ignore
    expect((await said('failed'))?.detail).toContain('go on until they are ended')
    for (const port of [445, 446]) await goesOn(port)

    fault.fails = false
    expect((await said('applied'))?.detail).toBe('')
    const ended = streamed(445)
    await goesOn(446)
    expect(streamed(445) - ended).toBeLessThanOrEqual(1) // what was on its way
    for (const agent of agents) await agent.stop()
  })
})

describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping']))('hubs and tables of a node', () => {
  test('a hub dies, and its prefixes go with the next: nobody had to be asked', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { ends, keyOf, stop } = await keyedNodes(lab, control, ['hub1', 'hub2', 'spoke'], { FAILOVER_AFTER: '8s' })
    const [hub1, hub2, spoke] = ends
    if (!hub1 || !hub2 || !spoke) throw new Error('three nodes')
    const service = 'fd00:aa::1'
    const alive = (end: typeof spoke): string => `fe80::${end.address.slice(-1)}`
    const more = (end: typeof spoke) => ({
      publicKey: keyOf(end),
      addresses: [`${end.address}/128`, `${alive(end)}/64`, ...(end === spoke ? [] : [`${service}/128`])],
    })
    for (const hub of [hub1, hub2]) {
      const peers = [{ key: keyOf(spoke), allowed: [`${spoke.address}/128`, `${alive(spoke)}/128`] }]
      control.want(
        hub.id,
        state({ interfaces: [tunnel({ ...hub, peers, routes: ['fd00:77::/64'], more: more(hub) })] }),
      )
    }
    const moving = ['fd00:aa::/64']
    control.want(
      spoke.id,
      state({
        interfaces: [
          tunnel({
            ...spoke,
            peers: [hub1, hub2].map((hub) => ({
              key: keyOf(hub),
              allowed: [`${alive(hub)}/128`, ...(hub === hub1 ? moving : [])],
              endpoint: `${hub.node.v4}:51820`,
            })),
            routes: ['fd00:77::/64', 'fd00:aa::/64'],
            more: {
              ...more(spoke),
              standby: [{ prefixes: moving, peers: [hub1, hub2].map((hub) => ({ publicKey: keyOf(hub), address: alive(hub) })) }] as never, // prettier-ignore
            },
          }),
        ],
      }),
    )
    await spoke.node.untilPings(service)
    const shows = () => must('wg', ['show', spoke.name, 'allowed-ips'])
    expect(await shows()).toContain(`${keyOf(hub1)}\tfe80::1/128 fd00:aa::/64`)
    await hub1.node.must('ip', ['link', 'set', 'dev', 'e0', 'down'])
    await eventually(shows, (text) => text.includes(`${keyOf(hub2)}\tfe80::2/128 fd00:aa::/64`), 60_000)
    await spoke.node.untilPings(service)
    // It is no drift.
    const from = control.heard(spoke.id).reports.length
    const later = await eventually(
      () => Promise.resolve(control.heard(spoke.id).reports.slice(from)),
      (reports) => reports.length >= 3,
    )
    expect(later.flatMap(({ backEnds }) => backEnds).every(({ status }) => status === 'applied')).toBe(true)
    await stop()
  })

  test('a network with a table of its own lives in a namespace, firewall and all, and takes it along when it goes', async () => {
    await using lab = await Lab.open()
    await using control = await ControlPlane.start()
    const { ends, keyOf, stop } = await keyedNodes(lab, control, ['a', 'b'], { VRF_KIND: 'netns' })
    const [a, b] = ends
    if (!a || !b) throw new Error('two nodes')
    const vrfs = ends.map(() => newName('vr'))
    try {
      const wanted = ends.map((end, index) => {
        const far = end === a ? b : a
        const vrf = vrfs[index] ?? ''
        const peers = [{ key: keyOf(far), allowed: [`${far.address}/128`], endpoint: `${far.node.v4}:51820` }]
        return state({
          vrfs: [{ name: vrf, tableId: 1_000 + index }],
          interfaces: [
            tunnel({ ...end, peers, routes: ['fd00:77::/64'], more: { publicKey: keyOf(end), vrfName: vrf } }),
          ],
          nftables: firewall([end.name], [ECHO]),
        })
      })
      for (const [index, end] of ends.entries()) control.want(end.id, wanted[index] ?? {})
      for (const [index, end] of ends.entries()) await applied(control, end.id, wanted[index] ?? {})
      const inside = (...words: string[]) => run('ip', ['netns', 'exec', vrfs[0] ?? '', ...words])
      await eventually(
        () => inside('ping', '-n', '-c', '1', '-W', '1', b.address),
        ({ code }) => code === 0,
      )
      expect((await inside('nft', 'list', 'table', 'inet', 'powernode_sdwan')).code).toBe(0)
      expect(await a.node.pings(b.address)).toBe(false)
      const gone = state({ interfaces: [] })
      control.want(a.id, gone)
      await applied(control, a.id, gone)
      expect((await must('ip', ['netns', 'list'])).includes(vrfs[0] ?? '?')).toBe(false)
      await stop()
    } finally {
      for (const vrf of vrfs) await run('ip', ['netns', 'del', vrf])
    }
  })
})
