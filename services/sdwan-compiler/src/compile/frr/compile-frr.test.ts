import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RouteLeak, RouteStatement, World } from '../../world.ts'
import { compile } from '../compile.ts'
import { indexOf } from '../world-index.ts'
import { compileFrr } from './compile-frr.ts'
import { scenarios } from './testing/scenarios.ts'
import { crossingOf, hubOf, leakOf, memberOf, networkId, networkOf, nodeId, peerId, policyOf, statementOf, virtualIpOf, vrfOn, withBgp, worldOf } from './testing/worlds.ts' // prettier-ignore

const nodesOf = (world: World): string[] => [...new Set(world.members.map((each) => each.nodeId))].toSorted()

/** The files of all nodes, one after the other. */
const shown = (world: World): string => {
  const index = indexOf(world)
  return nodesOf(world)
    .map((id) => `# node ${id}\n${compileFrr(index, id)}`)
    .join('\n')
}

const fileOf = (world: World, node: number): string => compileFrr(indexOf(world), nodeId(node))

describe('what a world becomes', () => {
  test.each(Object.entries(scenarios))('%s', async (name, world) => {
    const file = `${name.replaceAll(/[ ,]+/g, '-')}.conf`
    await expect(shown(world)).toMatchFileSnapshot(join(import.meta.dirname, 'golden', file))
  })

  test.each(Object.entries(scenarios))('%s: the same bytes in whatever order it is read', (_, world) => {
    const turned = Object.fromEntries(
      Object.entries(world).map(([key, value]) => [key, Array.isArray(value) ? value.toReversed() : value]),
    ) as World
    expect(shown(turned)).toBe(shown(world))
  })
})

describe('what is left out', () => {
  const star = [hubOf(1, 1), memberOf(1, 3), memberOf(1, 4)]

  test('no BGP, no file: switched off, or a static network without a crossing', () => {
    const off = withBgp(worldOf({ members: star, crossings: [crossingOf(1)] }), { enabled: false })
    expect(nodesOf(off).map((id) => compileFrr(indexOf(off), id))).toEqual(['', '', ''])
    const still = worldOf({ networks: [networkOf(1, { routingProtocol: 'static' })], members: star })
    expect(fileOf(still, 1)).toBe('')
  })

  test('a member without a key, a network without a table on the node, a crossing whose other end is unknown', () => {
    const keyless = worldOf({ members: [hubOf(1, 1), memberOf(1, 3, { publicKey: undefined })] })
    expect(fileOf(keyless, 3)).toBe('')
    expect(fileOf(keyless, 1)).not.toContain('fd10:0:0:1::3')
    const untabled = worldOf({ networks: [networkOf(1, { isolation: 'dedicated_vrf' })], members: star })
    expect(fileOf(untabled, 1)).toBe('')
    const open = worldOf({ members: star, crossings: [crossingOf(1, { remote: [] })] })
    expect(fileOf(open, 1)).toBe(fileOf(worldOf({ members: star }), 1))
  })

  test('a peer with our own AS number: a session with it would be one inside', () => {
    const [end] = crossingOf(1).remote
    const same = { remote: end ? [{ ...end, asNumber: 4_200_000_010 }] : [] }
    const world = worldOf({ members: star, crossings: [crossingOf(1, same)] })
    expect(fileOf(world, 1)).not.toContain(peerId(1))
    expect(compile(world).problems.map(({ code }) => code)).toContain('SAME_AS_NUMBER')
  })

  test('other spokes: one more changes no other spoke’s file', () => {
    const before = worldOf({ members: star })
    const after = worldOf({ members: [...star, memberOf(1, 5, { lanSubnets: ['fd00:b5::/64'] })] })
    expect(fileOf(after, 3)).toBe(fileOf(before, 3))
    expect(fileOf(after, 1)).not.toBe(fileOf(before, 1))
  })

  test('revoked, nothing of a peer is in any file', () => {
    const crossed = worldOf({ members: star, crossings: [crossingOf(1)] })
    expect(fileOf(crossed, 1)).toContain(peerId(1))
    expect(shown({ ...crossed, crossings: [] })).toBe(shown(worldOf({ members: star })))
  })
})

describe('what cannot be as it is wanted is told of', () => {
  const star = [hubOf(1, 1), memberOf(1, 3)]
  const codes = (world: World) =>
    compile(world)
      .problems.filter(({ record }) => !record.startsWith('member/') || record.length > 7)
      .map(({ fatal, code }) => `${fatal ? 'fatal ' : ''}${code}`)
  const two = (said: Partial<World>): World =>
    worldOf({
      networks: [networkOf(1, { isolation: 'dedicated_vrf' }), networkOf(2)],
      members: [hubOf(1, 1), hubOf(2, 1, { listenPort: 51_821, endpointPort: 51_821, publicKey: Buffer.alloc(32, 99).toString('base64') })],
      vrfs: [vrfOn(1, 1)],
      ...said,
    }) // prettier-ignore
  const both = [networkOf(1), networkOf(2)]
  const alone = { isolation: 'dedicated_vrf' } as const

  test.each<[string, World, string[]]>([
    ['nothing', worldOf({ members: star }), []],
    ['iBGP while BGP is off', withBgp(worldOf({ members: star }), { enabled: false }), ['BGP_DISABLED']],
    ['an AS number that is none', withBgp(worldOf({ members: star }), { asNumber: 0 }), ['fatal MALFORMED', 'BGP_DISABLED']],
    ['a default policy that is not there', withBgp(worldOf({ members: star }), { defaultRoutePolicyId: peerId(1) }), ['fatal DEFAULT_POLICY_MISSING']],
    ['a router id that is none', worldOf({ members: [hubOf(1, 1, { routerIdOverride: '0.1.2.3' })] }), ['fatal ROUTER_ID']],
    ['a router id twice', worldOf({ members: [hubOf(1, 1, { routerIdOverride: '1.1.1.1' }), memberOf(1, 3, { routerIdOverride: '1.1.1.1' })] }), ['fatal ROUTER_ID_TWICE']],
    ['router ids to be chosen', withBgp(worldOf({ members: [hubOf(1, 1)] }), { routerIdStrategy: 'explicit' }), ['ROUTER_ID_DERIVED']],
    ['a policy with an odd pattern', worldOf({ members: star, routePolicies: [policyOf(1, { statements: [statementOf({ asPathRegex: '(' })] })] }), ['fatal POLICY_UNWRITABLE']],
    ['a policy for nobody', worldOf({ members: star, routePolicies: [policyOf(1, { scope: { kind: 'member', id: peerId(9) } })] }), ['POLICY_UNBOUND']],
    ['a leak', two({ routeLeaks: [leakOf(1)] }), ['LEAK_ONE_WAY']],
    ['two leaks, one there and one back', two({ routeLeaks: [leakOf(1), leakOf(2, { sourceNetworkId: networkId(2), destNetworkId: networkId(1) })] }), ['LEAK_FROM_MAIN']],
    ['a leak both ways with the main table', two({ routeLeaks: [leakOf(1, { bidirectional: true })] }), ['LEAK_FROM_MAIN']],
    ['a leak both ways between tables', two({ networks: [networkOf(1, alone), networkOf(2, alone)], vrfs: [vrfOn(1, 1), vrfOn(1, 2)], routeLeaks: [leakOf(1, { bidirectional: true })] }), []],
    ['a leak between main tables', two({ networks: both, routeLeaks: [leakOf(1)] }), ['fatal LEAK_NEEDS_TABLE']],
    ['a leak into a static network', two({ networks: [networkOf(1, { isolation: 'dedicated_vrf' }), networkOf(2, { routingProtocol: 'static' })], routeLeaks: [leakOf(1)] }), ['fatal LEAK_NEEDS_BGP']],
    ['a leak that nobody carries', two({ members: [hubOf(1, 1), hubOf(2, 2)], routeLeaks: [leakOf(1)] }), ['LEAK_WITHOUT_NODE']],
    ['a leak into nowhere', two({ routeLeaks: [leakOf(1, { destNetworkId: peerId(1) })] }), ['LEAK_WITHOUT_END']],
    ['a leak of denials', two({ routeLeaks: [leakOf(1, { filter: [{ cidr: 'fd00::/8', action: 'deny' }] })] }), ['LEAK_PERMITS_NOTHING']],
  ])('%s', (_, world, expected) => {
    expect(codes(world)).toEqual(expected)
  }) // prettier-ignore
})

describe('no text of a stranger reaches a file', () => {
  const evil = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\nrouter bgp 1', 'fd00::/64\n!', '::/0 le 128', '^$\nexit', '1:1\n', '1:1 additive', '65536:1', '10.0.0.0/8\t', '%', '$(id)', '*', '1.2.3.4\n'), // prettier-ignore
  )
  const mostly = <T>(usual: T, odd: fc.Arbitrary<unknown> = evil) =>
    fc.oneof({ weight: 5, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: odd as fc.Arbitrary<T> })
  const number = fc.oneof(fc.double(), fc.integer(), evil)
  const statements: fc.Arbitrary<RouteStatement> = fc.record({
    prefixIn: fc.array(fc.record({ prefix: mostly('fd00::/16'), ge: mostly(undefined, number), le: mostly(64, number) }), { maxLength: 2 }), // prettier-ignore
    asPathRegex: mostly<string | undefined>('^(1_)+$'),
    communityIn: fc.array(mostly('65000:1'), { maxLength: 2 }),
    tagIn: fc.array(mostly(7, number), { maxLength: 2 }),
    neighborIn: fc.array(mostly(peerId(1)), { maxLength: 2 }),
    action: mostly('accept' as const),
    setLocalPref: mostly<number | undefined>(120, number),
    setMed: mostly<number | undefined>(undefined, number),
    prependAsPath: mostly(2, number),
    addCommunity: mostly<string | undefined>('65000:9'),
  })
  const filters: fc.Arbitrary<RouteLeak['filter']> = fc.array(
    fc.record({ cidr: mostly('fd00:b3::/64'), action: mostly('permit' as const) }),
    { maxLength: 3 },
  )
  const worlds = fc
    .record({
      statements: fc.array(statements, { minLength: 1, maxLength: 3 }),
      name: evil,
      filter: filters,
      chosen: mostly<string | undefined>('10.1.2.3'),
      end: mostly('fd20:0:0:1::1'),
      advertised: mostly('fd10:0:0:1::/64'),
      vip: mostly('fd10:0:0:1::f1/128'),
      weight: mostly(5, number),
      vrf: mostly(vrfOn(1, 1).vrfName),
      as: mostly(4_200_000_021, number),
      most: mostly(32, number),
      preference: mostly(100, number),
    })
    .map((said) =>
      withBgp(
        worldOf({
          networks: [networkOf(1, { isolation: 'dedicated_vrf' }), networkOf(2)],
          members: [hubOf(1, 1, { name: said.name, routerIdOverride: said.chosen, lanSubnets: ['fd00:b3::/64'] }), hubOf(2, 1)], // prettier-ignore
          virtualIps: [virtualIpOf(1, { cidr: said.vip, med: said.weight, name: said.name, holders: [hubOf(1, 1).id] })], // prettier-ignore
          vrfs: [{ ...vrfOn(1, 1), vrfName: said.vrf }],
          routePolicies: [policyOf(1, { name: said.name, statements: said.statements }), policyOf(2, { direction: 'export', statements: said.statements })], // prettier-ignore
          routeLeaks: [leakOf(1, { filter: said.filter, bidirectional: true })],
          crossings: [crossingOf(1, { advertised: [said.advertised], maxPrefixes: said.most, remote: crossingOf(1).remote.map((each) => ({ ...each, address: said.end, asNumber: said.as })) })], // prettier-ignore
        }),
        { defaultLocalPref: said.preference },
      ),
    )

  test('each line is one of the few that there are', () => {
    let files = 0
    fc.assert(
      fc.property(worlds, (world) => {
        const { nodes } = compile(world)
        for (const line of [...nodes.values()].flatMap(({ frr }) => frr.split('\n'))) {
          if (line !== '') files++
          expect(LINES.some((form) => form.test(line)) ? '' : line).toBe('')
        }
      }),
      { numRuns: 1_000 },
    )
    expect(files).toBeGreaterThan(10_000)
  })
})

const ADDRESS = '[0-9a-f:]+'
const PREFIX = '(?:[0-9a-f:]+|[0-9.]+)/[0-9]{1,3}'
const NAME = '[a-z0-9-]+'
const N = '[0-9]+'
const ID = '[0-9a-f-]{36}'

/** Every form that a line of frr.conf has. */
const LINES = [
  '!|exit|exit-vrf| exit-address-family',
  `frr defaults traditional|hostname n-${NAME}|service integrated-vtysh-config|log syslog informational|ip forwarding|ipv6 forwarding|bgp route-map delay-timer 1`,
  `vrf ${NAME}|router bgp ${N}(?: vrf ${NAME})?| address-family ipv[46] unicast`,
  `ip(?:v6)? prefix-list ${NAME} seq ${N} (?:permit|deny) (?:any|${PREFIX}(?: ge ${N})?(?: le ${N})?)`,
  `bgp large-community-list standard ${NAME} seq ${N} permit ${N}:${N}:${N}`,
  `bgp community-list standard ${NAME} seq ${N} permit ${N}:${N}`,
  `bgp as-path access-list ${NAME} seq 5 permit [0-9_^$.*+?()[\\]|-]+`,
  `route-map ${NAME} (?:permit|deny) ${N}`,
  ` match (?:ip|ipv6) address prefix-list ${NAME}| match (?:as-path|community|large-community) ${NAME}| match tag ${N}`,
  ` on-match next| on-match goto ${N}| call ${NAME}`,
  ` set (?:community|extcommunity) none| set community ${N}:${N} additive| set large-community ${N}:${N}:${N}(?: ${N}:${N}:${N})?`,
  ` set weight 0| set (?:local-preference|metric) ${N}| set as-path prepend ${N}(?: ${N})*`,
  ` bgp (?:router-id|cluster-id) [0-9.]+| bgp default local-preference ${N}| no bgp default ipv4-unicast| no bgp network import-check`,
  ` no bgp graceful-restart notification| bgp disable-ebgp-connected-route-check| bgp graceful-restart(?: restart-time ${N}| preserve-fw-state)?| coalesce-time ${N}| timers bgp ${N} ${N}`,
  ` neighbor (?:${NAME}|${ADDRESS}) (?:peer-group(?: ${NAME})?|remote-as ${N}|update-source ${ADDRESS}|timers(?: connect)?(?: ${N}){1,2}|ebgp-multihop 2|enforce-first-as|capability extended-nexthop|description (?:member|peer)/${ID})`,
  `  neighbor (?:${NAME}|${ADDRESS}) (?:activate|next-hop-self|route-reflector-client|allowas-in 10|route-map ${NAME} (?:in|out)|maximum-prefix ${N} restart 5)`,
  `  no neighbor ${ADDRESS} send-community all|  maximum-paths (?:ibgp )?1|  network ${PREFIX} route-map ${NAME}`,
  `  redistribute connected route-map ${NAME}| ?ip(?:v6)? route ${PREFIX} (?:reject 220|${NAME} 220 nexthop-vrf ${NAME})`,
].map((form) => new RegExp(`^(?:${form})$`))
