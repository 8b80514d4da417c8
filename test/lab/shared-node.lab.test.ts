import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { leakOf, memberOf, networkId, networkOf, nodeId, virtualIpOf, vrfOn, worldOf } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore
import { interfaceName } from '../../services/sdwan-compiler/src/compile/names.ts'
import { anyOf, mappingOf, ruleOf } from '../../services/sdwan-compiler/src/compile/testing/intent.ts'
import type { NodePlan } from '../../services/sdwan-compiler/src/plan.ts'
import type { Member, World } from '../../services/sdwan-compiler/src/world.ts'
import { eventually } from '../eventually.ts'
import { Lab, type LabNode } from './lab.ts'
import { labSkip } from './requirements.ts'
import { answerOn, calls, sends } from './sockets.ts'
import { startWireGuard, wireGuardKeys, type KeyPair } from './wireguard.ts'

const [A, B] = [networkId(1), networkId(2)]
const [A_CIDR, B_CIDR] = ['fd10:0:0:1::/64', 'fd10:0:0:2::/64']
const [VIP, LAN, PRINTER] = ['fd10:0:0:1::f1', 'fd00:b1::/64', 'fd00:b1::9']
const PATIENCE_MS = 120_000

type Machine = { readonly node: LabNode; readonly members: readonly Member[]; readonly keys: readonly KeyPair[] }

/** A hub of both networks; alice is in A, bob in B. Everybody may do everything in B; in A, tcp/443 alone. */
describe.skipIf(labSkip(['wireguard-go', 'wg', 'nft', 'ping']))('a node that is in two networks', () => {
  let lab: Lab
  let shared: Machine
  let alice: Machine
  let bob: Machine
  let printer: LabNode

  beforeAll(async () => {
    lab = await Lab.open()
    shared = await machine('shared', 1, [1, 2])
    alice = await machine('alice', 2, [1])
    bob = await machine('bob', 3, [2])
    printer = await lab.behind(shared.node, 'printer', { own: `${PRINTER}/64`, gateway: 'fd00:b1::1/64' })
    await shared.node.batch(`addr add ${VIP}/128 dev lo nodad`)
    for (const node of [shared.node, alice.node, bob.node, printer]) await answerOn(node, [443, 22])
  }, 180_000)
  afterAll(() => lab?.close())

  /** A node with a key for each of its networks. Names of interfaces follow from ids: nobody else on this machine has them. */
  async function machine(name: string, n: number, networks: readonly number[]): Promise<Machine> {
    const node = await lab.node(name)
    const keys = await Promise.all(networks.map(() => wireGuardKeys()))
    const members = networks.map((network, at) =>
      memberOf(network, n, {
        id: randomUUID(),
        name,
        publicKey: keys[at]?.publicKey,
        listenPort: 51_820 + network,
        endpointPort: 51_820 + network,
        ...(name === 'shared' ? { publiclyReachable: true, endpointV4: node.v4 } : {}),
        ...(name === 'shared' && network === 1 ? { lanSubnets: [LAN] } : {}),
      }),
    )
    for (const { id } of members) await startWireGuard(node, interfaceName(id))
    return { node, members, keys }
  }

  const all = (): readonly Machine[] => [shared, alice, bob]
  const wire = ({ members }: Machine, at = 0): string => interfaceName(members[at]?.id ?? '')
  const address = ({ members }: Machine, at = 0): string => members[at]?.address ?? ''

  function worldWith(said: Partial<World> = {}): World {
    return worldOf({
      networks: [networkOf(1, { routingProtocol: 'static' }), networkOf(2, { routingProtocol: 'static', defaultPolicy: 'accept' })], // prettier-ignore
      members: all().flatMap(({ members }) => members),
      rules: [ruleOf(1), anyOf(2, { networkId: B })],
      virtualIps: [virtualIpOf(1, { holders: [shared.members[0]?.id ?? ''] })],
      portMappings: [mappingOf(1, { memberId: shared.members[0]?.id ?? '', target: { kind: 'member', id: alice.members[0]?.id ?? '' } })], // prettier-ignore
      ...said,
    })
  }

  /** Applies what is compiled, as agents would; and then what bob writes himself. */
  async function take(world: World): Promise<ReadonlyMap<string, NodePlan>> {
    const { nodes, problems } = compile(world)
    expect(problems.filter(({ fatal }) => fatal)).toEqual([])
    for (const { node, members, keys } of all()) {
      const plan = nodes.get(members[0]?.nodeId ?? '')
      for (const its of plan?.interfaces ?? []) {
        const file = join(node.dir, 'wg.conf')
        const key = keys[members.findIndex(({ id }) => interfaceName(id) === its.name)]?.privateKey ?? ''
        writeFileSync(file, its.config.replace('[Interface]\n', `[Interface]\nPrivateKey = ${key}\n`), { mode: 0o600 })
        await node.must('wg', ['syncconf', its.name, file])
        await node.batch(
          `link set ${its.name} addrgenmode none`,
          ...its.addresses.map((each) => `addr replace ${each} dev ${its.name} nodad`),
          `link set ${its.name} up mtu ${its.mtu}`,
          ...its.routes.map(({ prefix }) => `route replace ${prefix} dev ${its.name}`),
        )
      }
      await node.must('nft', ['-f', '-'], { input: plan?.nftables ?? '' })
    }
    const { publicKey } = shared.members[1] ?? {}
    await bob.node.must('wg', ['set', wire(bob), 'peer', publicKey ?? '', 'allowed-ips', `${B_CIDR},fe80::/10,${A_CIDR},${LAN}`]) // prettier-ignore
    await bob.node.batch(...[A_CIDR, LAN].map((prefix) => `route replace ${prefix} dev ${wire(bob)}`))
    for (const [who, at] of [
      [alice, 0],
      [bob, 1],
    ] as const) {
      const its = nodes.get(nodeId(1))?.interfaces.find(({ name }) => name === wire(shared, at))
      const link = its?.addresses.find((each) => each.startsWith('fe80'))?.split('/')[0]
      await who.node.untilPings(`${link}%${wire(who)}`, PATIENCE_MS)
    }
    return nodes
  }

  const counted = async ({ node }: Machine, comment: string): Promise<number> => {
    const table = await node.must('nft', ['list', 'table', 'inet', 'powernode_sdwan'])
    const found = table.matchAll(new RegExp(`counter packets (\\d+) bytes \\d+ \\w+ comment "${comment}"`, 'g'))
    return [...found].reduce((sum, [, packets]) => sum + Number(packets), 0)
  }
  /** Bob calls until the shared node has counted it, and is answered by nobody. */
  // oxlint-disable-next-line max-params -- where to, what counts it, and what had been counted
  async function refused(place: string, port: number, comment: string, before: number): Promise<number> {
    const answers: (string | undefined)[] = []
    const look = async (): Promise<number> => {
      answers.push(await calls(bob.node, place, port))
      return counted(shared, comment)
    }
    const now = await eventually(look, (packets) => packets > before, PATIENCE_MS)
    expect(answers.filter((answer) => answer !== undefined)).toEqual([])
    return now
  }
  /** Sends from one to another until it is counted there, or is not in time. */
  // oxlint-disable-next-line max-params -- from whom, where to, and who counts it by what
  const heard = (from: Machine, to: string, by: Machine, comment: string): Promise<number> =>
    eventually(
      async () => {
        await sends(from.node, to, 22)
        return counted(by, comment)
      },
      (now) => now > 0,
      PATIENCE_MS,
    )
  const without = ({ node }: Machine, script: string | undefined, line: RegExp): Promise<string> =>
    node.must('nft', ['-f', '-'], { input: (script ?? '').replaceAll(line, '') })
  /** Every packet for a place bears another source on its way out. */
  const lie = ({ node }: Machine, to: string, source: string): Promise<string> =>
    node.must('nft', ['-f', '-'], {
      input: `table ip6 liar\ndelete table ip6 liar\ntable ip6 liar {\n\tchain out {\n\t\ttype filter hook postrouting priority 300;\n\t\tip6 daddr ${to} udp dport 22 ip6 saddr set ${source}\n\t}\n}\n`,
    })

  test('what it has in one network is reached by that network, whatever a member of the other writes into its tunnel', async () => {
    const nodes = await take(worldWith())
    const places = [address(shared), VIP, PRINTER]
    for (const place of places) {
      await eventually(() => calls(alice.node, place, 443), (answer) => answer !== undefined, PATIENCE_MS) // prettier-ignore
    }
    await eventually(() => calls(bob.node, address(shared, 1), 443), (answer) => answer === 'shared', PATIENCE_MS) // prettier-ignore
    let dropped = await counted(shared, `foreign ${A}`)
    for (const place of places) {
      const before = dropped
      dropped = await refused(place, 443, `foreign ${A}`, before)
      expect(dropped).toBeGreaterThan(before)
    }
    // A port mapping of A is for whoever comes to the node.
    await eventually(() => calls(bob.node, address(shared, 1), 8001), (answer) => answer === 'alice', PATIENCE_MS) // prettier-ignore

    // Were it not for the guards, B's rules alone would decide, also of what A lets nobody do.
    await without(shared, nodes.get(nodeId(1))?.nftables, /^.*comment "(foreign|elsewhere) .*\n/gm)
    for (const place of places) {
      await eventually(() => calls(bob.node, place, 22), (answer) => answer !== undefined, PATIENCE_MS) // prettier-ignore
    }
  }, 600_000)

  test('nobody is heard who bears an address of the node, or one of the other network', async () => {
    const member = (said: Machine) => ({ kind: 'member', memberId: said.members[0]?.id ?? '' }) as const
    const fromAlice = anyOf(1, { src: member(alice), dst: member(alice) })
    const nodes = await take(worldWith({ rules: [fromAlice, anyOf(2, { networkId: B }), anyOf(3)] }))

    // A spoke's tunnel takes its whole network from its hub, and so itself.
    await lie(shared, address(alice), address(alice))
    expect(await counted(alice, `spoofed ${A}`)).toBe(0)
    await heard(shared, address(alice), alice, `spoofed ${A}`)
    expect(await counted(alice, fromAlice.id)).toBe(0)
    await without(alice, nodes.get(nodeId(2))?.nftables, /^.*comment "spoofed .*\n/gm)
    await heard(shared, address(alice), alice, fromAlice.id)

    // AllowedIPs that somebody wrote by hand at the shared node too.
    const { publicKey, address: own } = bob.members[0] ?? {}
    await shared.node.must('wg', ['set', wire(shared, 1), 'peer', publicKey ?? '', 'allowed-ips', `${own}/128,fd10:0:0:1::77/128`]) // prettier-ignore
    await lie(bob, address(shared, 1), 'fd10:0:0:1::77')
    await heard(bob, address(shared, 1), shared, `spoofed ${A}`)
    for (const { node } of [shared, bob]) await node.run('nft', ['delete', 'table', 'ip6', 'liar'])
  }, 600_000)

  test('what lies behind it reaches its address, and nobody who bears such an address on another link', async () => {
    const nodes = await take(worldWith())
    const place = address(shared)
    await eventually(() => calls(printer, place, 443), (answer) => answer === 'shared', PATIENCE_MS) // prettier-ignore
    const liar = 'fd00:b1::66'
    await bob.node.batch(
      `addr add ${liar}/128 dev e0 nodad`,
      `route replace ${place}/128 via ${shared.node.v6} dev e0 src ${liar}`,
    )
    const input = `table ip6 seen\ndelete table ip6 seen\ntable ip6 seen {\n\tchain in {\n\t\ttype filter hook input priority 10;\n\t\tip6 saddr ${liar} udp dport 22 counter accept comment "seen"\n\t}\n}\n`
    await shared.node.must('nft', ['-f', '-'], { input })
    const seen = async (): Promise<boolean> =>
      !/counter packets 0 .* comment "seen"/.test(await shared.node.must('nft', ['list', 'table', 'ip6', 'seen']))
    const before = await counted(shared, `outside ${A}`)
    await eventually(
      async () => {
        await sends(bob.node, place, 22)
        return counted(shared, `outside ${A}`)
      },
      (now) => now > before,
      PATIENCE_MS,
    )
    expect(await seen()).toBe(false)
    await without(shared, nodes.get(nodeId(1))?.nftables, /^.*fib saddr .*\n/gm)
    await eventually(async () => sends(bob.node, place, 22).then(seen), Boolean, PATIENCE_MS) // prettier-ignore
    await shared.node.must('nft', ['delete', 'table', 'ip6', 'seen'])
    await bob.node.batch(`route del ${place}/128 dev e0`, `addr del ${liar}/128 dev e0`)
  }, 600_000)

  test('a member reaches what its network has there, and nothing else that the node has', async () => {
    const nodes = await take(worldWith())
    const managed = '2001:db8:77::1'
    await shared.node.batch(`addr replace ${managed}/128 dev lo nodad`)
    await bob.node.batch(`route replace ${managed}/128 dev ${wire(bob)}`)
    const { publicKey = '' } = shared.members[1] ?? {}
    await bob.node.must('wg', ['set', wire(bob), 'peer', publicKey, 'allowed-ips', `${B_CIDR},fe80::/10,${managed}/128`]) // prettier-ignore
    await eventually(() => calls(bob.node, address(shared, 1), 443), (answer) => answer === 'shared', PATIENCE_MS) // prettier-ignore
    const before = await counted(shared, `elsewhere ${B}`)
    expect(await refused(managed, 443, `elsewhere ${B}`, before)).toBeGreaterThan(before)
    // B accepts what no rule speaks of: were it not for the guard, that would be the node itself too.
    await without(shared, nodes.get(nodeId(1))?.nftables, /^.*comment "elsewhere .*\n/gm)
    await eventually(() => calls(bob.node, managed, 443), (answer) => answer === 'shared', PATIENCE_MS) // prettier-ignore
  }, 600_000)

  test('where routes leak between the two, members reach one another by the rules of both', async () => {
    const leaking = worldWith({
      networks: [networkOf(1), networkOf(2, { isolation: 'dedicated_vrf', defaultPolicy: 'accept' })],
      vrfs: [vrfOn(1, 2), vrfOn(3, 2)],
      routeLeaks: [leakOf(1, { bidirectional: true })],
    })
    await take(leaking)
    // BGP would bring it; and what tables hold is one table here.
    await alice.node.batch(`route replace ${B_CIDR} dev ${wire(alice)}`)
    for (const [place, name] of [
      [address(alice), 'alice'],
      [address(shared), 'shared'],
      [PRINTER, 'printer'],
    ] as const) {
      await eventually(() => calls(bob.node, place, 443), (answer) => answer === name, PATIENCE_MS) // prettier-ignore
      await refused(place, 22, `default ${A}`, await counted(shared, `default ${A}`))
    }
    expect(await counted(shared, `foreign ${A}`)).toBe(0)
  }, 600_000)
})
