import type { World } from '../../world.ts'
import { crossingOf, hubOf, memberId, memberOf, networkOf, nodeId, virtualIpOf, vrfOn, withBgp, worldOf } from '../frr/testing/worlds.ts' // prettier-ignore
import { sharedNodes } from './shared-nodes.ts'
import { ALL, anyOf, cidr, deploymentOf, mappingOf, member, peer, ruleOf, tag, testOf } from './intent.ts'

const still = { routingProtocol: 'static' } as const
const mesh = { routingProtocol: 'static', topology: 'full_mesh' } as const
const open = { ...still, defaultPolicy: 'accept' } as const
const alone = { ...still, isolation: 'dedicated_vrf' } as const

const star = [hubOf(1, 1), memberOf(1, 3), memberOf(1, 4)]
const twoHubs = [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3), memberOf(1, 4), memberOf(1, 5)]
const tagged = [
  hubOf(1, 1),
  hubOf(1, 2),
  memberOf(1, 3, { tags: ['web'] }),
  memberOf(1, 4, { tags: ['web', 'db'] }),
  memberOf(1, 5, { tags: ['db'], lanSubnets: ['fd00:b5::/64', '10.5.0.0/24'] }),
]
const here = worldOf({ networks: [networkOf(1, still)], members: star })
const tagWorld = (said: Partial<World>): World => worldOf({ networks: [networkOf(1, still)], members: tagged, ...said })
const second = {
  publicKey: Buffer.alloc(32, 202).toString('base64'),
  endpoint: '[2001:db8:20::2]:51900',
  address: 'fd20:0:0:1::2',
  asNumber: 4_200_000_021,
}

/** Worlds whose artifacts are kept as they were looked at, each with a story. */
export const scenarios: Readonly<Record<string, World>> = {
  'a hub and two spokes': here,
  'a hub and two spokes that accept what no rule speaks of': { ...here, networks: [networkOf(1, open)] },
  'two hubs share three spokes': worldOf({ networks: [networkOf(1, still)], members: twoHubs }),
  'three hubs and what each carries for the others': worldOf({
    networks: [networkOf(1, still)],
    members: [...twoHubs, hubOf(1, 6, { lanSubnets: ['fd00:b6::/64'] }), memberOf(1, 7), memberOf(1, 8)],
  }),
  'spokes without a hub are alone': worldOf({
    networks: [networkOf(1, still)],
    members: [memberOf(1, 3), memberOf(1, 4)],
  }),
  'a member that has made no key yet': worldOf({
    networks: [networkOf(1, still)],
    members: [...star, memberOf(1, 5, { publicKey: undefined }), hubOf(1, 6, { publicKey: undefined })],
  }),
  'a hub known by name, and one by both families': worldOf({
    networks: [networkOf(1, still)],
    members: [
      hubOf(1, 1, { endpointV4: 'hub.a.example' }),
      hubOf(1, 2, { endpointV6: '2001:db8::2' }),
      memberOf(1, 3, { listenPort: 40_000 }),
    ],
  }),
  'lans of both families behind spokes and a hub': worldOf({
    networks: [networkOf(1, still)],
    members: [
      hubOf(1, 1, { lanSubnets: ['fd00:b1::/64'] }),
      hubOf(1, 2),
      memberOf(1, 3, { lanSubnets: ['10.3.0.0/24', 'fd00:b3::/64'] }),
      memberOf(1, 4),
    ],
  }),
  'a virtual ip, one of many holders, and one of ipv4': worldOf({
    networks: [networkOf(1, still)],
    members: twoHubs,
    virtualIps: [
      virtualIpOf(1, { holders: [memberId(1, 3), memberId(1, 4)] }),
      virtualIpOf(2, { holders: [memberId(1, 4), memberId(1, 2), memberId(1, 5)], anycast: true }),
      virtualIpOf(3, { cidr: '10.9.9.9/32', holders: [memberId(1, 5)] }),
    ],
  }),
  'a virtual ip that nobody holds': { ...here, virtualIps: [virtualIpOf(1, { holders: [memberId(1, 9)] })] },
  'a preshared key for every pair': {
    ...here,
    networks: [networkOf(1, { ...still, presharedKeys: true })],
    members: twoHubs,
  },
  'a small mtu': { ...here, networks: [networkOf(1, { ...still, mtu: 1280 })] },
  'routes by bgp': worldOf({ members: [...twoHubs, memberOf(1, 6, { lanSubnets: ['fd00:b6::/64'] })] }),
  'routes by bgp where bgp is off': withBgp(
    worldOf({ members: [...twoHubs, memberOf(1, 6, { lanSubnets: ['fd00:b6::/64'] })] }),
    { enabled: false },
  ),
  'a full mesh': worldOf({
    networks: [networkOf(1, mesh)],
    members: [
      hubOf(1, 1, { lanSubnets: ['fd00:b1::/64'] }),
      hubOf(1, 2),
      hubOf(1, 3),
      memberOf(1, 4, { lanSubnets: ['10.4.0.0/24'] }),
    ],
    virtualIps: [virtualIpOf(1, { holders: [memberId(1, 2), memberId(1, 3)], anycast: true })],
  }),
  'a full mesh with rules of every direction': worldOf({
    networks: [networkOf(1, mesh)],
    members: [hubOf(1, 1, { tags: ['web'] }), hubOf(1, 2, { tags: ['db'] }), memberOf(1, 3)],
    rules: [
      ruleOf(1, { direction: 'ingress', src: tag('web'), dst: tag('db') }),
      ruleOf(2, { direction: 'egress', src: member(1, 3), action: 'reject', dstPorts: { from: 25, to: 25 } }),
      anyOf(3, { direction: 'both', src: member(1, 1), protocol: 'icmp6' }),
    ],
  }),
  'a full mesh that speaks bgp': worldOf({
    networks: [networkOf(1, { topology: 'full_mesh' })],
    members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3)],
  }),
  'two of a full mesh whom nobody can call': worldOf({
    networks: [networkOf(1, mesh)],
    members: [hubOf(1, 1), memberOf(1, 3), memberOf(1, 4)],
  }),
  'rules by tag and member': tagWorld({
    rules: [
      ruleOf(1, { src: tag('web'), dst: tag('db'), dstPorts: { from: 5432, to: 5432 } }),
      ruleOf(2, { src: member(1, 3), dst: member(1, 5), dstPorts: { from: 8000, to: 8080 } }),
      ruleOf(3, { action: 'drop', src: tag('db'), dst: tag('web') }),
      ruleOf(4, { src: ALL, dst: tag('web') }),
    ],
  }),
  'rules of every direction': tagWorld({
    rules: [
      ruleOf(1, { direction: 'ingress', dst: tag('web') }),
      ruleOf(2, { direction: 'egress', src: tag('db'), action: 'drop', dstPorts: { from: 25, to: 25 } }),
      ruleOf(3, { direction: 'both', src: tag('web'), dst: tag('db'), action: 'reject' }),
      ruleOf(4, { direction: 'egress', src: member(1, 3), dst: member(1, 4) }),
    ],
  }),
  'rules of every protocol': tagWorld({
    rules: [
      ruleOf(1, { dstPorts: undefined }),
      ruleOf(2, { protocol: 'udp', dstPorts: { from: 53, to: 53 } }),
      ruleOf(3, { protocol: 'udp', dstPorts: undefined, action: 'drop' }),
      anyOf(4, { protocol: 'icmp6' }),
      anyOf(5, { src: tag('web') }),
    ],
  }),
  'rules by prefix of both families': tagWorld({
    rules: [
      ruleOf(1, { src: cidr('10.0.0.0/8'), dst: cidr('10.5.0.0/24') }),
      ruleOf(2, { src: cidr('fd10:0:0:1::/64'), dst: cidr('fd00:b5::/64') }),
      ruleOf(3, { src: cidr('10.0.0.0/8'), dst: cidr('fd00:b5::/64') }),
      ruleOf(4, { src: cidr('2001:db8::/32'), action: 'drop' }),
    ],
  }),
  'rules with one priority go by name': tagWorld({
    rules: [
      ruleOf(1, { priority: 5, name: 'b' }),
      ruleOf(2, { priority: 5, name: 'a', action: 'drop' }),
      ruleOf(3, { priority: 1, name: 'z', protocol: 'udp' }),
    ],
  }),
  'an accept that means nobody': tagWorld({
    rules: [ruleOf(1, { src: tag('gone') }), ruleOf(2, { dst: member(1, 9) }), ruleOf(3, { src: peer(7) })],
  }),
  'a drop that means nobody': tagWorld({ rules: [ruleOf(1, { src: tag('gone'), action: 'drop' }), ruleOf(2)] }),
  'ports of a protocol that has none': tagWorld({ rules: [ruleOf(1, { protocol: 'any' })] }),
  'mappings with every guard': worldOf({
    networks: [networkOf(1, still)],
    members: [...star, memberOf(1, 5)],
    rules: [ruleOf(1)],
    virtualIps: [
      virtualIpOf(1, { holders: [memberId(1, 4)] }),
      virtualIpOf(2, { cidr: '10.9.9.9/32', holders: [memberId(1, 5)] }),
      virtualIpOf(3, { holders: [] }),
    ],
    portMappings: [
      mappingOf(1),
      mappingOf(2, {
        sourceCidrs: ['10.0.0.0/8', '2001:db8::/32', '2001:db8:7::/48'],
        maxConnections: 5,
        rateLimit: 10,
        target: { kind: 'virtual_ip', id: virtualIpOf(1).id },
      }),
      mappingOf(3, { target: { kind: 'virtual_ip', id: virtualIpOf(2).id }, sourceCidrs: ['2001:db8::/32'] }),
      mappingOf(4, { target: { kind: 'virtual_ip', id: virtualIpOf(3).id } }),
      mappingOf(5, { protocol: 'udp', targetPort: 53 }),
      mappingOf(6, { memberId: memberId(1, 3) }),
    ],
  }),
  ...sharedNodes,
  'a tenant whose node has no table for it': worldOf({
    networks: [networkOf(1, alone)],
    members: star,
    vrfs: [vrfOn(1, 1), vrfOn(3, 1)],
  }),
  'a crossing on tcp 443 alone': worldOf({
    members: star,
    crossings: [crossingOf(1, { pair: 'crossing/1' })],
    rules: [ruleOf(1, { src: member(1, 3), dst: peer(1) }), ruleOf(2, { src: peer(1), dst: member(1, 4) })],
  }),
  'a crossing of a network that accepts what no rule speaks of': worldOf({
    networks: [networkOf(1, open)],
    members: star,
    crossings: [crossingOf(1)],
  }),
  'a crossing with two ends on each side': worldOf({
    members: twoHubs,
    crossings: [
      crossingOf(1, {
        gateways: [
          { memberId: memberId(1, 1), listenPort: 51_900, publicKey: Buffer.alloc(32, 203).toString('base64') },
          { memberId: memberId(1, 2), listenPort: 51_900, publicKey: undefined },
        ],
        remote: [...crossingOf(1).remote, second],
      }),
    ],
    rules: [anyOf(1, { action: 'reject', src: peer(1) }), ruleOf(2, { dst: peer(1) })],
  }),
  'a crossing whose other end is not known yet': worldOf({
    members: star,
    crossings: [crossingOf(1, { remote: [], accepted: [] })],
  }),
  'a crossing of a full mesh without bgp': withBgp(
    worldOf({
      networks: [networkOf(1, mesh)],
      members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3)],
      crossings: [crossingOf(1)],
      rules: [ruleOf(1, { src: peer(1), dst: member(1, 3) })],
    }),
    { enabled: false },
  ),
  'a crossing in a table of its own': worldOf({
    networks: [networkOf(1, { isolation: 'dedicated_vrf' })],
    members: star,
    vrfs: [vrfOn(1, 1), vrfOn(3, 1), vrfOn(4, 1)],
    crossings: [crossingOf(1)],
    rules: [ruleOf(1, { src: peer(1), dst: member(1, 3) })],
  }),
  'prefixes that two claim': worldOf({
    networks: [networkOf(1, still)],
    members: [
      hubOf(1, 1),
      memberOf(1, 3, { lanSubnets: ['fd00:b3::/48'] }),
      memberOf(1, 4, { lanSubnets: ['fd00:b3:0:4::/64', 'fd10:0:0:1:8000::/66'] }),
    ],
    crossings: [crossingOf(1, { accepted: ['fd00:b3:0:5::/64'] })],
  }),
  'members who share what they cannot share': worldOf({
    networks: [networkOf(1, still)],
    members: [
      hubOf(1, 1),
      hubOf(1, 2, { endpointV4: '192.0.2.1' }),
      memberOf(1, 3),
      memberOf(1, 4, { publicKey: memberOf(1, 3).publicKey, nodeId: nodeId(3) }),
      memberOf(1, 5, { publiclyReachable: true }),
    ],
  }),
  'tests that nodes try themselves': tagWorld({
    rules: [ruleOf(1, { src: tag('web'), dst: tag('db'), dstPorts: { from: 5432, to: 5432 } })],
    tests: [testOf(1, { accept: ['m5:tcp/5432', 'tag:db:tcp/5432'], deny: ['m5:tcp/22', '[fd10:0:0:1::1]:icmp6'] })],
  }),
  'a logical switch beside the tunnels': worldOf({
    networks: [networkOf(1, still)],
    members: star,
    ovn: [deploymentOf(1), deploymentOf(2, { nodeId: nodeId(9) })],
  }),
  'a malformed record takes its network out': worldOf({
    networks: [networkOf(1, still), networkOf(2, still)],
    members: [hubOf(1, 1), memberOf(1, 3), hubOf(2, 4), memberOf(2, 5)],
    rules: [ruleOf(1, { src: tag('web; drop }') })],
  }),
  'nothing at all': worldOf({ networks: [], members: [] }),
}
