import type { Crossing, Member, Network, RouteLeak, RoutePolicy, RouteStatement, VirtualIp, VrfAssignment, World } from '../../../world.ts' // prettier-ignore
import { vrfName } from '../../names.ts'

/** UUIDv7s of one early morning: the kind and the number are all that tells them apart. */
const idOf = (kind: number, number: number): string =>
  `0192f0aa-${kind.toString(16).padStart(4, '0')}-7000-8000-${number.toString(16).padStart(12, '0')}`

export const networkId = (n: number): string => idOf(1, n)
export const nodeId = (n: number): string => idOf(2, n)
export const peerId = (n: number): string => idOf(3, n)
/** Of node n in a network. */
export const memberId = (network: number, n: number): string => idOf(0x10 + network, n)
export const otherId = (n: number): string => idOf(9, n)

export const networkOf = (n: number, said: Partial<Network> = {}): Network => ({
  id: networkId(n),
  slug: `net-${n}`,
  routingProtocol: 'ibgp',
  topology: 'hub_and_spoke',
  cidr: `fd10:0:0:${n}::/64`,
  defaultPolicy: 'drop',
  mtu: 1420,
  isolation: 'shared',
  tenantKey: undefined,
  routeReflectors: 0,
  presharedKeys: false,
  advertiseSubnet: false,
  podSubnet: undefined,
  ...said,
})

export const memberOf = (network: number, n: number, said: Partial<Member> = {}): Member => ({
  id: memberId(network, n),
  networkId: networkId(network),
  nodeId: nodeId(n),
  name: `m${n}`,
  address: `fd10:0:0:${network}::${n.toString(16)}`,
  publiclyReachable: false,
  endpointV6: undefined,
  endpointV4: undefined,
  endpointPort: 51_820,
  listenPort: 51_820,
  lanSubnets: [],
  tags: [],
  routeReflectorClient: false,
  routerIdOverride: undefined,
  publicKey: Buffer.alloc(32, n).toString('base64'),
  ...said,
})

export const hubOf = (network: number, n: number, said: Partial<Member> = {}): Member =>
  memberOf(network, n, { publiclyReachable: true, endpointV4: `192.0.2.${n}`, ...said })

export const virtualIpOf = (n: number, said: Partial<VirtualIp> = {}): VirtualIp => ({
  id: otherId(n),
  networkId: networkId(1),
  name: `vip-${n}`,
  cidr: `fd10:0:0:1::f${n}/128`,
  state: 'active',
  holders: [],
  anycast: false,
  med: 0,
  localPref: 100,
  ...said,
})

export const statementOf = (said: Partial<RouteStatement> = {}): RouteStatement => ({
  prefixIn: [],
  asPathRegex: undefined,
  communityIn: [],
  tagIn: [],
  neighborIn: [],
  action: 'accept',
  setLocalPref: undefined,
  setMed: undefined,
  prependAsPath: 0,
  addCommunity: undefined,
  ...said,
})

export const policyOf = (n: number, said: Partial<RoutePolicy> = {}): RoutePolicy => ({
  id: otherId(0x100 + n),
  name: `policy ${n}`,
  scope: { kind: 'account' },
  direction: 'import',
  statements: [statementOf()],
  ...said,
})

export const leakOf = (n: number, said: Partial<RouteLeak> = {}): RouteLeak => ({
  id: otherId(0x200 + n),
  sourceNetworkId: networkId(1),
  destNetworkId: networkId(2),
  bidirectional: false,
  filter: [],
  ...said,
})

export const vrfOn = (node: number, network: number): VrfAssignment => ({
  nodeId: nodeId(node),
  networkId: networkId(network),
  tableId: 100 + network,
  vrfName: vrfName(nodeId(node), networkId(network)),
})

export const crossingOf = (n: number, said: Partial<Crossing> = {}): Crossing => ({
  peerId: peerId(n),
  networkId: networkId(1),
  gateways: [{ memberId: memberId(1, 1), listenPort: 51_900, publicKey: Buffer.alloc(32, 200).toString('base64') }],
  remote: [
    {
      publicKey: Buffer.alloc(32, 201).toString('base64'),
      endpoint: '198.51.100.1:51900',
      address: `fd20:0:0:${n}::1`,
      asNumber: 4_200_000_020 + n,
    },
  ],
  pair: '',
  accepted: [`fd20:0:0:${n}::/64`],
  advertised: ['fd10:0:0:1::/64'],
  maxPrefixes: 32,
  ...said,
})

export const worldOf = (said: Partial<World>): World => ({
  platform: {
    trustDomain: 'a.example',
    bgp: {
      enabled: true,
      asNumber: 4_200_000_010,
      routerIdStrategy: 'member_address_hash',
      defaultLocalPref: 100,
      defaultRoutePolicyId: undefined,
    },
  },
  networks: [networkOf(1)],
  members: [],
  rules: [],
  portMappings: [],
  virtualIps: [],
  routePolicies: [],
  routeLeaks: [],
  vrfs: [],
  ovn: [],
  crossings: [],
  tests: [],
  ...said,
})

export const withBgp = (world: World, said: Partial<World['platform']['bgp']>): World => ({
  ...world,
  platform: { ...world.platform, bgp: { ...world.platform.bgp, ...said } },
})
