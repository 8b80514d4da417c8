import { createHash } from 'node:crypto'
import type {
  Crossing,
  FirewallRule,
  Id,
  Member,
  Network,
  OvnAcl,
  OvnDeployment,
  OvnMatch,
  OvnSwitch,
  PortMapping,
  RouteLeak,
  Selector,
  VirtualIp,
  VrfAssignment,
  World,
} from '../../world.ts'

import { PORTS, type PlatformShape, type SelectorShape, type Shape, TAGS } from './shapes.ts'

/** A UUIDv7 of one morning, so that ids are told apart by their ends alone. */
export const idOf = (kind: string, number: number): Id =>
  `01930000-0000-7000-8000-${Buffer.from(kind.slice(0, 4).padEnd(4, '.')).toString('hex')}${number.toString(16).padStart(4, '0')}`

export const keyOf = (text: string): string => createHash('sha256').update(text).digest('base64')

export const PEER = idOf('peer', 1)
export const THEIR_PREFIX = 'fdbb:0:0:1::/64'

export function worldFrom({ networks: shapes, bgp, crossing, leak, sharedNode, ovn }: PlatformShape): World {
  const networks = shapes.map((shape, at) => networkOf(shape, at))
  const members = shapes.flatMap((shape, at) => membersOf(shape, { at, sharedNode }))
  const crossings = crossing ? crossingsOf(networks, members) : []
  const rules = shapes.flatMap((shape, at) => rulesOf(shape, { at, members }))
  return {
    platform: {
      trustDomain: 'a.example',
      bgp: {
        enabled: bgp,
        asNumber: 4_200_000_001,
        routerIdStrategy: 'member_address_hash',
        defaultLocalPref: 100,
        defaultRoutePolicyId: undefined,
      },
    },
    networks,
    members,
    rules,
    portMappings: shapes.flatMap((shape, at) => mappingsOf(shape, { at, members })),
    virtualIps: shapes.flatMap((shape, at) => virtualIpsOf(shape, { at, members })),
    routePolicies: [],
    routeLeaks: leak === 'none' ? [] : leaksOf(networks, leak === 'both ways'),
    vrfs: members.flatMap((member, at) => vrfsOf(networks, member, at)),
    ovn: ovn ? [deploymentOf()] : [],
    crossings,
    tests: [],
  }
}

function networkOf(shape: Shape, at: number): Network {
  return {
    id: idOf('netw', at),
    slug: `net-${at}`,
    routingProtocol: shape.routing,
    topology: shape.topology,
    cidr: `fdaa:0:0:${at + 1}::/64`,
    defaultPolicy: shape.policy,
    mtu: 1420,
    isolation: shape.isolation,
    tenantKey: undefined,
    routeReflectors: 0,
    presharedKeys: shape.psk,
    advertiseSubnet: false,
    podSubnet: undefined,
  }
}

function membersOf(shape: Shape, { at, sharedNode }: { at: number; sharedNode: boolean }): Member[] {
  return shape.members.slice(0, shape.hubs + shape.spokes).map((said, number): Member => {
    const hub = number < shape.hubs
    const id = idOf('memb', at * 100 + number)
    const shared = sharedNode && number === 0
    return {
      id,
      networkId: idOf('netw', at),
      nodeId: shared ? idOf('node', 9999) : idOf('node', at * 100 + number),
      name: `m${at}-${number}`,
      address: `fdaa:0:0:${at + 1}::${(number + 1).toString(16)}`,
      publiclyReachable: hub,
      endpointV6: hub && number % 2 === 1 ? `2001:db8:${at + 1}::${number + 1}` : undefined,
      endpointV4: hub && number % 2 === 0 ? `192.0.2.${at * 100 + number + 1}` : undefined,
      endpointPort: 51_820 + at,
      listenPort: 51_820 + at,
      lanSubnets: said.lan ? [`fdcc:0:${at + 1}:${number + 1}::/64`, `10.${at + 1}.${number + 1}.0/24`] : [],
      tags: said.tags,
      routeReflectorClient: false,
      routerIdOverride: undefined,
      publicKey: said.keyed ? keyOf(id) : undefined,
    }
  })
}

function rulesOf(shape: Shape, { at, members }: { at: number; members: readonly Member[] }): FirewallRule[] {
  const its = members.filter(({ networkId }) => networkId === idOf('netw', at))
  return shape.rules.map((said, number): FirewallRule => {
    const withPorts = said.protocol === 'tcp' || said.protocol === 'udp'
    const port = PORTS[(number + said.priority) % PORTS.length] ?? 22
    return {
      id: idOf('rule', at * 100 + number),
      networkId: idOf('netw', at),
      name: `rule-${number}`,
      priority: said.priority,
      action: said.action,
      direction: said.direction,
      protocol: said.protocol,
      src: selectorOf(said.src, { at, its }),
      dst: selectorOf(said.dst, { at, its }),
      dstPorts:
        withPorts && said.ports !== 'none' ? { from: port, to: said.ports === 'one' ? port : port + 400 } : undefined,
    }
  })
}

function selectorOf({ kind, pick }: SelectorShape, { at, its }: { at: number; its: readonly Member[] }): Selector {
  const member = its[pick % its.length]
  const lan = its.flatMap(({ lanSubnets }) => lanSubnets)[pick % 4]
  switch (kind) {
    case 'all':
      return { kind }
    case 'member':
      return { kind, memberId: member?.id ?? '' }
    case 'tag':
      return { kind, tag: TAGS[pick % TAGS.length] ?? 'web' }
    case 'federation_peer':
      return { kind, peerId: PEER }
    default: {
      const cidrs = [
        `fdaa:0:0:${at + 1}::/64`,
        `fdaa:0:0:${at + 1}::/126`,
        `${member?.address ?? '::'}/128`,
        lan ?? '192.0.2.0/24',
      ]
      return { kind: 'cidr', cidr: cidrs[pick % cidrs.length] ?? '::/0' }
    }
  }
}

function virtualIpsOf(shape: Shape, { at, members }: { at: number; members: readonly Member[] }): VirtualIp[] {
  const its = members.filter(({ networkId }) => networkId === idOf('netw', at))
  if (shape.virtualIp === 'none') return []
  return [
    {
      id: idOf('vips', at),
      networkId: idOf('netw', at),
      name: 'service',
      cidr: `fdaa:0:0:${at + 1}::f/128`,
      state: 'active',
      holders: its.slice(-2).map(({ id }) => id),
      anycast: shape.virtualIp === 'anycast',
      med: 0,
      localPref: 100,
    },
  ]
}

function mappingsOf(shape: Shape, { at, members }: { at: number; members: readonly Member[] }): PortMapping[] {
  const its = members.filter(({ networkId }) => networkId === idOf('netw', at))
  const [hub, target] = [its.find(({ publiclyReachable }) => publiclyReachable), its.at(-1)]
  if (!shape.mapping || !hub || !target || hub === target) return []
  return [
    {
      id: idOf('port', at),
      memberId: hub.id,
      listenPort: 8443,
      protocol: 'tcp',
      target: { kind: 'member', id: target.id },
      targetPort: 443,
      rateLimit: undefined,
      maxConnections: undefined,
      sourceCidrs: [],
    },
  ]
}

function crossingsOf([network]: readonly Network[], members: readonly Member[]): Crossing[] {
  const gateway = members.find(
    (member) => member.networkId === network?.id && member.publiclyReachable && member.publicKey,
  )
  if (!network || !gateway) return []
  return [
    {
      peerId: PEER,
      networkId: network.id,
      gateways: [{ memberId: gateway.id, listenPort: 52_000, publicKey: keyOf('our gateway') }],
      remote: [
        {
          publicKey: keyOf('their gateway'),
          endpoint: '198.51.100.1:52000',
          address: 'fdbb:0:0:1::1',
          asNumber: 4_200_000_002,
        },
      ],
      pair: 'pair',
      accepted: [THEIR_PREFIX],
      advertised: [network.cidr],
      maxPrefixes: 100,
    },
  ]
}

function leaksOf([source, dest]: readonly Network[], bidirectional: boolean): RouteLeak[] {
  if (!source || !dest) return []
  return [{ id: idOf('leak', 1), sourceNetworkId: source.id, destNetworkId: dest.id, bidirectional, filter: [] }]
}

function vrfsOf(networks: readonly Network[], { networkId, nodeId, id }: Member, at: number): VrfAssignment[] {
  const network = networks.find((each) => each.id === networkId)
  if (network?.isolation !== 'dedicated_vrf') return []
  const name = createHash('sha256').update(id).digest('hex').slice(0, 12)
  return [{ nodeId, networkId, tableId: 100 + at, vrfName: `vr-${name}` }]
}

/** Two tenants of one database, each held to itself, with some services closed between its own ports. */
function deploymentOf(): OvnDeployment {
  return {
    id: idOf('ovnd', 1),
    nbEndpoint: 'unix:/run/ovn/ovnnb_db.sock',
    nodeId: idOf('node', 9000),
    switches: [1, 2].map((number): OvnSwitch => {
      const cidr = `fd10:0:0:${number}::/64`
      const ports = [1, 2, 3].map((port) => ({
        id: idOf('ovnp', number * 10 + port),
        name: `vm-${number}-${port}`,
        kind: 'vm' as const,
        mac: `02:00:00:00:0${number}:0${port}`,
        addresses:
          port === 3
            ? [`fd20:0:0:${number}::3`, `10.9.${number}.3`]
            : [`fd10:0:0:${number}::${port}`, `10.9.${number}.${port}`],
      }))
      const plain = {
        family: 'any',
        src: undefined,
        dst: undefined,
        protocol: 'any',
        dstPorts: undefined,
        portId: undefined,
      } as const
      const acl = (
        priority: number,
        said: Pick<OvnAcl, 'direction' | 'action'> & { match: Partial<OvnMatch> },
      ): OvnAcl => ({
        id: idOf('acls', number * 10_000 + priority),
        name: `acl-${priority}`,
        priority,
        ...said,
        match: { ...plain, ...said.match },
      })
      return {
        id: idOf('swit', number),
        name: `ls-${number}`,
        cidr,
        networkId: undefined,
        ports,
        acls: [
          acl(2000, { direction: 'to-lport', action: 'allow-related', match: { src: { cidr, not: false } } }),
          acl(2100, {
            direction: 'to-lport',
            action: 'drop',
            match: { protocol: 'tcp', dstPorts: { from: 20, to: 30 }, portId: ports[1]?.id },
          }),
          acl(1000, { direction: 'to-lport', action: 'drop', match: { src: { cidr, not: true } } }),
          acl(1500, { direction: 'from-lport', action: 'drop', match: { family: 'ip6', protocol: 'udp' } }),
        ],
      }
    }),
  }
}
