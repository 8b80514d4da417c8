import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Plan } from '../plan.ts'
import type { Member, Network, World } from '../world.ts'
import { compile } from './compile.ts'
import { crossingOf, hubOf, leakOf, memberId, memberOf, networkOf, policyOf, virtualIpOf, vrfOn, withBgp, worldOf } from './frr/testing/worlds.ts' // prettier-ignore
import { Compiler } from './incremental.ts'
import { bigMember, bigWorld } from './testing/big-world.ts'
import { anyOf, deploymentOf, mappingOf, member, peer, ruleOf, tag, testOf } from './testing/intent.ts'

type Change = (world: World) => World

const replaced = <T>(list: readonly T[], at: number, change: (item: T) => T): readonly T[] =>
  list.map((item, index) => (index === at % list.length ? change(item) : item))

const onMember =
  (at: number, change: (member: Member) => Partial<Member>): Change =>
  (world) => ({ ...world, members: replaced(world.members, at, (its) => ({ ...its, ...change(its) })) })

const onNetwork =
  (at: number, said: Partial<Network>): Change =>
  (world) => ({ ...world, networks: replaced(world.networks, at, (its) => ({ ...its, ...said })) })

const toggled = <T extends { readonly id: string }>(list: readonly T[], item: T): readonly T[] =>
  list.some(({ id }) => id === item.id) ? list.filter(({ id }) => id !== item.id) : [...list, item]

const toggledVrf = (list: World['vrfs'], vrf: World['vrfs'][number]): World['vrfs'] =>
  list.some(({ vrfName }) => vrfName === vrf.vrfName)
    ? list.filter(({ vrfName }) => vrfName !== vrf.vrfName)
    : [...list, vrf]

const rules = [
  ruleOf(1, { src: tag('web'), dst: tag('db') }),
  ruleOf(2, { src: member(1, 3), direction: 'egress', action: 'drop' }),
  ruleOf(3, { src: peer(1), dst: tag('web'), direction: 'ingress' }),
  anyOf(4, { src: tag('db'), action: 'reject' }),
]

/** Everything that can happen to a world, small. */
const changes: fc.Arbitrary<Change> = fc.oneof(
  fc.nat(12).map((n) => (world: World) => ({ ...world, members: toggled(world.members, n % 3 === 0 ? hubOf(1, n + 1) : memberOf(1, n + 1)) })), // prettier-ignore
  fc.nat(6).map((n) => (world: World) => ({ ...world, members: toggled(world.members, memberOf(2, n + 1, { listenPort: 51_821 })) })), // prettier-ignore
  fc.nat(20).map((at) => onMember(at, ({ id, publicKey }) => ({ publicKey: publicKey === undefined ? Buffer.alloc(32, id).toString('base64') : undefined }))), // prettier-ignore
  fc.tuple(fc.nat(20), fc.nat(4)).map(([at, n]) => onMember(at, () => ({ nodeId: memberOf(1, n + 1).nodeId }))),
  // What cannot be written takes its network out, until it is mended.
  fc.tuple(fc.nat(20), fc.constantFrom<Partial<Member>>({ address: 'fd99::1' }, { tags: ['a b'] }, { tags: ['db', 'db'] })).map(([at, said]) => onMember(at, () => said)), // prettier-ignore
  fc.nat(20).map((at) => onMember(at, ({ id, networkId, nodeId }) => ({ ...memberOf(1, 1 + (at % 9)), id, networkId, nodeId, address: `fd10:0:0:${networkId === networkOf(1).id ? 1 : 2}::${at + 100}` }))), // prettier-ignore
  fc.constantFrom('fd10:0:0:1::/64', 'fd10::/32', 'fd10:9::/64').chain((cidr) => fc.nat(1).map((at) => onNetwork(at, { cidr }))), // prettier-ignore
  fc.tuple(fc.nat(20), fc.nat(1)).map(([at, n]) => onMember(at, () => ({ networkId: networkOf(n + 1).id }))),
  fc.nat(3).map((at) => (world: World) => ({ ...world, rules: replaced(world.rules, at, (rule) => ({ ...rule, src: tag(rule.src.kind === 'tag' ? 'a b' : 'db') })) })), // prettier-ignore
  fc.nat(4).map((n) => (world: World) => ({ ...world, vrfs: toggledVrf(world.vrfs, vrfOn(n + 1, 1)) })),
  fc.nat(1).map((n) => (world: World) => ({ ...world, networks: toggled(world.networks, networkOf(n + 1)) })),
  fc.constant((world: World) => ({ ...world, members: world.members.toReversed() })),
  fc.nat(20).map((at) => onMember(at, ({ publiclyReachable }) => ({ publiclyReachable: !publiclyReachable }))),
  fc.nat(20).map((at) => onMember(at, ({ tags }) => ({ tags: tags.length > 0 ? [] : ['web', 'db'] }))),
  fc.nat(20).map((at) => onMember(at, ({ lanSubnets, address }) => ({ lanSubnets: lanSubnets.length > 0 ? [] : [`fd00:b${address.split('::')[1] ?? ''}::/64`] }))), // prettier-ignore
  fc.nat(3).map((at) => (world: World) => ({ ...world, rules: toggled(world.rules, rules[at] ?? ruleOf(9)) })),
  fc.nat(2).map((n) => (world: World) => ({ ...world, virtualIps: toggled(world.virtualIps, virtualIpOf(n, { holders: [3, 4, 1].map((m) => memberId(1, m)), anycast: n === 1 })) })), // prettier-ignore
  fc.nat(2).map((n) => (world: World) => ({ ...world, portMappings: toggled(world.portMappings, mappingOf(n)) })),
  fc.nat(1).map((n) => (world: World) => ({ ...world, routePolicies: toggled(world.routePolicies, policyOf(n)) })),
  fc.nat(1).map((n) => (world: World) => ({ ...world, routeLeaks: toggled(world.routeLeaks, leakOf(n)) })),
  fc.constant((world: World) => ({ ...world, crossings: world.crossings.length > 0 ? [] : [crossingOf(1)] })),
  fc.constant((world: World) => ({ ...world, tests: world.tests.length > 0 ? [] : [testOf(1, { accept: ['tag:db:tcp/443'] })] })), // prettier-ignore
  fc.boolean().map((enabled) => (world: World) => withBgp(world, { enabled })),
  fc.constantFrom<Partial<Network>>({ topology: 'full_mesh' }, { topology: 'hub_and_spoke' }, { defaultPolicy: 'accept' }, { presharedKeys: true }, { routingProtocol: 'static' }, { routingProtocol: 'ibgp' }, { isolation: 'dedicated_vrf' }, { isolation: 'shared' }).chain((said) => fc.nat(1).map((at) => onNetwork(at, said))), // prettier-ignore
)

const start = worldOf({
  networks: [networkOf(1), networkOf(2)],
  members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3), memberOf(1, 4), hubOf(2, 1, { listenPort: 51_821 })],
  vrfs: [vrfOn(1, 1), vrfOn(3, 1), vrfOn(1, 2)],
})

/** Nodes that nothing but members makes: what did not change is not looked at. */
const plain = withBgp(
  worldOf({
    networks: [networkOf(1, { routingProtocol: 'static' }), networkOf(2, { routingProtocol: 'static' })],
    members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3), memberOf(1, 4), hubOf(2, 1, { listenPort: 51_821 })],
  }),
  { enabled: false },
)

/** Tables of their own come and go beside their networks. */
const tenants = { ...start, networks: start.networks.map((its): Network => ({ ...its, isolation: 'dedicated_vrf' })) }

const written = (plan: Plan): unknown => ({ nodes: [...plan.nodes], problems: plan.problems })

describe('one world after another', () => {
  test('gives what each of them gives alone, and names the nodes that differ', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(start, plain, tenants),
        fc.array(changes, { minLength: 1, maxLength: 12 }),
        (first, steps) => {
          const compiler = new Compiler()
          let world = first
          let before = compiler.update(world).plan
          for (const step of steps) {
            world = step(world)
            const { plan, touched } = compiler.update(world)
            expect(written(plan)).toEqual(written(compile(world)))
            const ids = [...new Set([...before.nodes.keys(), ...plan.nodes.keys()])]
            const differing = ids.filter((id) => before.nodes.get(id)?.version !== plan.nodes.get(id)?.version)
            expect(touched).toEqual(differing.toSorted())
            before = plan
          }
        },
      ),
      { numRuns: 250 },
    )
  })

  test('two plans of one version are the same to the last byte', () => {
    fc.assert(
      fc.property(fc.array(changes, { minLength: 1, maxLength: 12 }), (steps) => {
        const seen = new Map<string, string>()
        let world = start
        for (const step of steps) {
          world = step(world)
          for (const node of compile(world).nodes.values()) {
            const text = JSON.stringify(node)
            expect(seen.get(node.version) ?? text).toBe(text)
            seen.set(node.version, text)
          }
        }
        expect(new Set(seen.values()).size).toBe(seen.size)
      }),
      { numRuns: 60 },
    )
  })

  test('a spoke that joins changes its hubs and nobody else, and what is not touched is not made again', () => {
    const world = bigWorld({ members: 300, hubs: 4, topology: 'hub_and_spoke' })
    const compiler = new Compiler()
    const before = compiler.update(world).plan
    const { plan, touched } = compiler.update({ ...world, members: [...world.members, bigMember(301, false)] })
    const hubs = world.members.slice(0, 4).map(({ nodeId }) => nodeId)
    expect(touched).toEqual([...hubs, bigMember(301, false).nodeId].toSorted())
    const again = [...plan.nodes].filter(([id, node]) => before.nodes.get(id) !== node).map(([id]) => id)
    expect(again).toEqual(touched)
  })

  test('a spoke that joins a network with BGP changes nobody but the reflectors', () => {
    const big = bigWorld({ members: 60, hubs: 3, topology: 'hub_and_spoke' })
    const world = { ...big, networks: big.networks.map((its): Network => ({ ...its, routingProtocol: 'ibgp' })) }
    const compiler = new Compiler()
    compiler.update(world)
    const { touched } = compiler.update({ ...world, members: [...world.members, bigMember(61, false)] })
    const hubs = world.members.slice(0, 3).map(({ nodeId }) => nodeId)
    expect(touched).toEqual([...hubs, bigMember(61, false).nodeId].toSorted())
  })

  test('worlds that are over are let go', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void // what that flag gives
    const world = bigWorld({ members: 50, hubs: 2, topology: 'hub_and_spoke' })
    const compiler = new Compiler()
    const after = (n: number) => ({ ...world, members: [...world.members, bigMember(51 + n, false)] })
    const over = [0, 1, 2].map((n) => new WeakRef(compiler.update(after(n)).index))
    compiler.update(world)
    await new Promise<void>((go) => void setImmediate(go)) // until then a WeakRef holds what it was made of
    gc()
    expect(over.map((index) => index.deref())).toEqual([undefined, undefined, undefined])
  })

  test('the same world again touches nobody, and gives the very same plans', () => {
    const world = bigWorld({ members: 50, hubs: 2, topology: 'full_mesh' })
    const compiler = new Compiler()
    const before = compiler.update(world).plan
    const { plan, touched } = compiler.update({ ...world, members: [...world.members] })
    expect(touched).toEqual([])
    expect([...plan.nodes].every(([id, node]) => before.nodes.get(id) === node)).toBe(true)
  })
})

test('one node writes one northbound database: of two that are placed there the first stays, and it is said of the second', () => {
  const world = { ...worldOf({}), ovn: [deploymentOf(1), deploymentOf(2, { nodeId: deploymentOf(1).nodeId })] }
  const { nodes, problems } = compile(world)
  expect(nodes.get(deploymentOf(1).nodeId ?? '')?.ovn?.deploymentId).toBe(deploymentOf(1).id)
  expect(problems).toMatchObject([
    { fatal: true, code: 'OVN_NODE_TAKEN', record: `ovn_deployment/${deploymentOf(2).id}` },
  ])
})
