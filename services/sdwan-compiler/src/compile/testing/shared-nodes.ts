import type { World } from '../../world.ts'
import { crossingOf, hubOf, leakOf, memberId, memberOf, networkOf, virtualIpOf, vrfOn, worldOf } from '../frr/testing/worlds.ts' // prettier-ignore
import { anyOf, cidr, mappingOf, ruleOf } from './intent.ts'

const still = { routingProtocol: 'static' } as const
const open = { ...still, defaultPolicy: 'accept' } as const
const alone = { ...still, isolation: 'dedicated_vrf' } as const
const star = [hubOf(1, 1), memberOf(1, 3), memberOf(1, 4)]

/** A node makes a key for each of its interfaces. */
const key = (n: number): string => Buffer.alloc(32, 100 + n).toString('base64')
/** A node in two networks, of which the second has a table of its own. */
const twoTables = [
  hubOf(1, 1, { lanSubnets: ['fd00:b1::/64'] }),
  memberOf(1, 3),
  hubOf(2, 1, { publicKey: key(1), listenPort: 51_821, endpointPort: 51_821, lanSubnets: ['fd00:b2::/64'] }),
  memberOf(2, 4),
]

/** Worlds with nodes that are in two networks. */
export const sharedNodes: Readonly<Record<string, World>> = {
  'two networks on one node': worldOf({
    networks: [networkOf(1, still), networkOf(2, open)],
    members: [
      ...star,
      hubOf(2, 1, { publicKey: key(1), listenPort: 51_821, endpointPort: 51_821 }),
      memberOf(2, 4, { publicKey: key(4), listenPort: 51_821 }),
    ],
    rules: [ruleOf(1)],
  }),
  'two networks on one node, and what each has there': worldOf({
    networks: [networkOf(1, open), networkOf(2, open)],
    members: [
      hubOf(1, 1, { lanSubnets: ['fd00:b1::/64', '10.1.0.0/24'] }),
      memberOf(1, 3),
      hubOf(2, 1, { publicKey: key(1), listenPort: 51_821, endpointPort: 51_821, lanSubnets: ['fd00:b2::/64'] }),
      memberOf(2, 4),
    ],
    virtualIps: [
      virtualIpOf(1, { holders: [memberId(1, 1)] }),
      virtualIpOf(2, { cidr: '10.9.9.9/32', holders: [memberId(1, 1)] }),
    ],
    portMappings: [mappingOf(1, { target: { kind: 'member', id: memberId(1, 1) } })],
    crossings: [crossingOf(1)],
  }),
  'a tenant and a network of the main table on one node': worldOf({
    networks: [networkOf(1), networkOf(2, { isolation: 'dedicated_vrf' })],
    members: twoTables,
    virtualIps: [
      virtualIpOf(1, { cidr: 'fd10:0:0:1::f/128', holders: [memberId(1, 1)] }),
      virtualIpOf(2, { cidr: '10.9.9.9/32', holders: [memberId(1, 1)] }),
    ],
    vrfs: [vrfOn(1, 2), vrfOn(4, 2)],
  }),
  'a tenant and a network of the main table with a leak between them': worldOf({
    networks: [networkOf(1), networkOf(2, { isolation: 'dedicated_vrf' })],
    members: twoTables,
    vrfs: [vrfOn(1, 2), vrfOn(4, 2)],
    routeLeaks: [leakOf(1, { bidirectional: true })],
  }),
  'two tenants with tables of their own and the same inside': worldOf({
    networks: [networkOf(1, alone), networkOf(2, alone)],
    members: [
      hubOf(1, 1),
      memberOf(1, 3, { lanSubnets: ['10.0.0.0/24'] }),
      hubOf(2, 1, { publicKey: key(1), listenPort: 51_821, endpointPort: 51_821 }),
      memberOf(2, 3, { publicKey: key(3), listenPort: 51_821, lanSubnets: ['10.0.0.0/24'] }),
    ],
    vrfs: [vrfOn(1, 1), vrfOn(1, 2), vrfOn(3, 1), vrfOn(3, 2)],
    rules: [anyOf(1, { src: cidr('fd10:0:0:1::/64'), dst: cidr('fd10:0:0:1::/64') })],
  }),
}
