import type { World } from '../../../world.ts'
import { crossingOf, hubOf, leakOf, memberId, memberOf, networkId, networkOf, otherId, peerId, policyOf, statementOf, virtualIpOf, vrfOn, withBgp, worldOf } from './worlds.ts' // prettier-ignore

const lan6 = { lanSubnets: ['fd00:b3::/64'] }
const lan4 = { lanSubnets: ['10.3.0.0/24', 'fd00:b3::/64'] }
const star = [hubOf(1, 1), memberOf(1, 3), memberOf(1, 4)]
const isolated = { isolation: 'dedicated_vrf' } as const

/** Worlds whose frr.conf files are kept as they were looked at, each with a story. */
export const scenarios: Readonly<Record<string, World>> = {
  'hub and two spokes': worldOf({ members: star }),
  'two hubs reflect to one another and to all': worldOf({ members: [...star, hubOf(1, 2)] }),
  'three hubs of which one reflects': worldOf({
    networks: [networkOf(1, { routeReflectors: 1 })],
    members: [...star, hubOf(1, 2), hubOf(1, 5)],
  }),
  'a hub that would rather be a client': worldOf({ members: [...star, hubOf(1, 2, { routeReflectorClient: true })] }),
  'lans of both families behind spokes': worldOf({ members: [hubOf(1, 1), memberOf(1, 3, lan4), memberOf(1, 4)] }),
  'hubs announce the whole network': worldOf({ networks: [networkOf(1, { advertiseSubnet: true })], members: star }),
  'virtual ips, one with a preference of its own': worldOf({
    members: star,
    virtualIps: [
      virtualIpOf(1, { holders: [memberId(1, 3), memberId(1, 4)] }),
      virtualIpOf(2, { holders: [memberId(1, 3), memberId(1, 4)], anycast: true, med: 20, localPref: 150 }),
      virtualIpOf(3, { cidr: '10.9.9.9/32', holders: [memberId(1, 4)] }),
    ],
  }),
  'pods of both families': worldOf({ networks: [networkOf(1, { podSubnet: '10.42.0.0/16' })], members: star }),
  'a full mesh of four': worldOf({
    networks: [networkOf(1, { topology: 'full_mesh' })],
    members: [3, 4, 5, 6].map((n) => memberOf(1, n)),
  }),
  'a full mesh with a hub': worldOf({ networks: [networkOf(1, { topology: 'full_mesh' })], members: star }),
  'a full mesh too large to speak with everybody': worldOf({
    networks: [networkOf(1, { topology: 'full_mesh' })],
    members: Array.from({ length: 9 }, (_, n) => memberOf(1, n + 1)),
  }),
  'two networks in one table': worldOf({
    networks: [networkOf(1), networkOf(2)],
    members: [...star, hubOf(2, 1), memberOf(2, 3)],
  }),
  'two networks with tables of their own': worldOf({
    networks: [networkOf(1, isolated), networkOf(2, isolated)],
    members: [...star, hubOf(2, 1), memberOf(2, 3)],
    vrfs: [vrfOn(1, 1), vrfOn(1, 2), vrfOn(3, 1), vrfOn(3, 2), vrfOn(4, 1)],
  }),
  'a leak from one table into another': worldOf({
    networks: [networkOf(1, isolated), networkOf(2, isolated)],
    members: [hubOf(1, 1), memberOf(1, 3, lan4), hubOf(2, 1), memberOf(2, 4)],
    vrfs: [vrfOn(1, 1), vrfOn(1, 2), vrfOn(3, 1), vrfOn(4, 2)],
    routeLeaks: [
      leakOf(1, {
        filter: [
          { cidr: 'fd00:b3::/64', action: 'permit' },
          { cidr: '10.0.0.0/8', action: 'permit' },
          { cidr: 'fd00:b3::dead/128', action: 'deny' },
        ],
      }),
    ],
  }),
  'a leak both ways with the main table, by a spoke': worldOf({
    networks: [networkOf(1), networkOf(2, isolated)],
    members: [hubOf(1, 1), memberOf(1, 3, lan4), hubOf(2, 2), memberOf(2, 3)],
    virtualIps: [
      virtualIpOf(1, { holders: [memberId(1, 3)], med: 5 }),
      virtualIpOf(2, { networkId: networkId(2), cidr: 'fd10:0:0:2::f2/128', holders: [memberId(2, 3)] }),
    ],
    vrfs: [vrfOn(2, 2), vrfOn(3, 2)],
    routeLeaks: [leakOf(1, { bidirectional: true })],
  }),
  'a crossing': worldOf({ members: [hubOf(1, 1), memberOf(1, 3, lan6)], crossings: [crossingOf(1)] }),
  'a crossing that advertises a lan': worldOf({
    members: [hubOf(1, 1), memberOf(1, 3, lan6)],
    crossings: [
      crossingOf(1, {
        advertised: ['fd00:b3::/64', 'fd10:0:0:1::/64'],
        accepted: ['fd20:0:0:1::/64', 'fd20:0:1::7/128'],
      }),
    ],
  }),
  'a crossing with two ends on each side': worldOf({
    members: [hubOf(1, 1), hubOf(1, 2), memberOf(1, 3)],
    crossings: [
      crossingOf(1, {
        gateways: [1, 2].map((n) => ({ memberId: memberId(1, n), listenPort: 51_900, publicKey: undefined })),
        remote: [1, 2].map((n) => ({
          publicKey: '',
          endpoint: undefined,
          address: `fd20:0:0:1::${n}`,
          asNumber: 4_200_000_021,
        })),
      }),
    ],
  }),
  'a crossing of a static network': worldOf({
    networks: [networkOf(1, { routingProtocol: 'static' })],
    members: star,
    crossings: [crossingOf(1)],
  }),
  'a crossing in a table of its own': worldOf({
    networks: [networkOf(1, isolated)],
    members: star,
    vrfs: [vrfOn(1, 1), vrfOn(3, 1), vrfOn(4, 1)],
    crossings: [crossingOf(1)],
  }),
  'a crossing at a spoke': worldOf({
    members: [hubOf(1, 1), memberOf(1, 3, { publiclyReachable: true }), memberOf(1, 4)],
    crossings: [crossingOf(1, { gateways: [{ memberId: memberId(1, 3), listenPort: 51_900, publicKey: undefined }] })],
  }),
  'two peers and nothing accepted from one': worldOf({
    members: star,
    crossings: [crossingOf(1), crossingOf(2, { accepted: [], maxPrefixes: 5 })],
  }),
  'policies of account, network and member narrow': worldOf({
    members: star,
    routePolicies: [
      policyOf(1, {
        statements: [statementOf({ prefixIn: [{ prefix: 'fd00::/8', ge: undefined, le: 128 }] })],
      }),
      policyOf(2, {
        scope: { kind: 'network', id: networkId(1) },
        statements: [
          statementOf({ action: 'reject', prefixIn: [{ prefix: 'fd66::/16', ge: 24, le: undefined }] }),
          statementOf({ setLocalPref: 120, addCommunity: '65000:7' }),
        ],
      }),
      policyOf(3, {
        scope: { kind: 'member', id: memberId(1, 3) },
        direction: 'export',
        statements: [statementOf({ prependAsPath: 2, setMed: 30 })],
      }),
    ],
  }),
  'a default policy, once': withBgp(
    worldOf({
      members: star,
      routePolicies: [policyOf(1), policyOf(2, { statements: [statementOf({ tagIn: [5, 6] })] })],
    }),
    { defaultRoutePolicyId: otherId(0x102), defaultLocalPref: 200 },
  ),
  'everything a statement can ask for': worldOf({
    members: star,
    crossings: [crossingOf(1)],
    routePolicies: [
      policyOf(1, {
        statements: [
          statementOf({
            prefixIn: [
              { prefix: '10.0.0.0/8', ge: 16, le: 24 },
              { prefix: 'fd20:0:0:1::/64', ge: undefined, le: undefined },
              { prefix: 'fd00::/8', ge: 48, le: undefined },
            ],
            asPathRegex: '^(4200000021_)+$',
            communityIn: ['65000:1', '0:65535'],
            neighborIn: [peerId(1), memberId(1, 3)],
            prependAsPath: 3,
            setLocalPref: 0,
            setMed: 4_294_967_295,
            addCommunity: '65000:9',
          }),
          statementOf({ action: 'reject', neighborIn: [memberId(1, 1)], tagIn: [7] }),
          statementOf({}),
        ],
      }),
      policyOf(2, {
        direction: 'export',
        statements: [
          statementOf({ neighborIn: [memberId(1, 4)], action: 'reject' }),
          statementOf({ prependAsPath: 1 }),
        ],
      }),
    ],
  }),
}
