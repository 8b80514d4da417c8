import type { Member, Network } from '@powernode/proto/powernode/sdwan/v1/network_pb.ts'
import type { VrfAssignment } from '@powernode/proto/powernode/sdwan/v1/routing_pb.ts'
import { objectionToKey } from '../../tunnel-key.ts'
import type { Reading } from '../reading.ts'
import type { Fields } from '../records.ts'

/** What an operator says of a network; its prefix is allocated, its slug made of the name when it is not said. */
export type SaidNetwork = Omit<Fields['network'], 'slug' | 'cidr' | 'keyGeneration'> & { readonly slug: string | null }

export function readNetwork(said: Network, read: Reading): SaidNetwork {
  const podSubnet = read.optionalPrefix('pod_subnet_prefix', said.podSubnetPrefix)
  if (podSubnet !== null && !podSubnet.includes(':') && Number(podSubnet.split('/')[1]) > 28)
    read.object('pod_subnet_prefix', 'an IPv4 prefix is at most /28 long')
  return {
    name: read.text('name', said.name, 'name'),
    slug: read.optional('slug', said.slug, 'slug'),
    status: read.word('status', said.status, ['registered', 'active', 'suspended', 'archived']),
    routingProtocol: read.word('routing_protocol', said.routingProtocol, ['static', 'ibgp']),
    topology: read.word('topology_strategy', said.topologyStrategy, ['hub_and_spoke', 'full_mesh']),
    defaultPolicy: read.word('firewall_default_policy', said.firewallDefaultPolicy, ['drop', 'accept']),
    mtu: read.number('mtu', said.mtu, { from: 1280, to: 9000, otherwise: 1420 }),
    isolation: read.word('isolation', said.isolation, ['shared', 'dedicated_vrf']),
    tenantKey: read.optional('tenant_key', said.tenantKey, 'tenant'),
    routeReflectors: read.number('route_reflector_redundancy', said.routeReflectorRedundancy, { from: 0, to: 16 }),
    presharedKeys: said.presharedKeys,
    advertiseSubnet: said.advertiseOverlaySubnet,
    podSubnet,
  }
}

/** Address, and ports that are not said, are allocated; the key is the agent's. */
export type SaidMember = Omit<Fields['member'], 'address' | 'listenPort' | 'endpointPort' | 'name'> & {
  readonly name: string | null
  readonly listenPort: number | null
  readonly endpointPort: number | null
}

export function readMember(said: Member, read: Reading): SaidMember {
  const endpointV6 = read.endpointHost('endpoint_host_v6', said.endpointHostV6, 'ip6')
  const endpointV4 = read.endpointHost('endpoint_host_v4', said.endpointHostV4, 'ip4')
  if (said.publiclyReachable && endpointV6 === null && endpointV4 === null)
    read.object('publicly_reachable', 'takes endpoint_host_v6 or endpoint_host_v4: nobody could call it')
  const publicKey = read.optional('public_key', said.publicKey, 'publicKey')
  const objection = publicKey === null ? undefined : objectionToKey(publicKey)
  if (objection !== undefined) read.object('public_key', objection)
  for (const tag of said.tags) read.text('tags', tag, 'tag')
  return {
    networkId: read.text('network_id', said.networkId, 'id'),
    nodeId: read.text('node_instance_id', said.nodeInstanceId, 'id'),
    name: read.optional('name', said.name, 'label'),
    publiclyReachable: said.publiclyReachable,
    endpointV6,
    endpointV4,
    endpointPort: said.endpointPort === 0 ? null : read.number('endpoint_port', said.endpointPort, PORT),
    listenPort: said.listenPort === 0 ? null : read.number('listen_port', said.listenPort, PORT),
    lanSubnets: read.prefixes('lan_subnets', said.lanSubnets),
    tags: [...new Set(said.tags)].toSorted(),
    routeReflectorClient: said.bgpRouteReflectorClient,
    routerIdOverride: routerId(said.bgpRouterIdOverride, read),
    publicKey,
  }
}

const PORT = { from: 1, to: 65_535 }

/** A dotted quad that is not all zeros: 0.0.0.0 is no router (RFC 6286 §2.1). */
function routerId(said: string, read: Reading): string | null {
  if (said === '') return null
  const address = read.address('bgp_router_id_override', said, 'ip4')
  if (address === '0.0.0.0') read.object('bgp_router_id_override', '0.0.0.0 is no router id')
  return address
}

/** Assignments are made by the service; an operator moves them from state to state. */
export type SaidVrf = Pick<Fields['vrf_assignment'], 'nodeId' | 'networkId' | 'state'>

export const readVrf = (said: VrfAssignment, read: Reading): SaidVrf => ({
  nodeId: read.text('node_instance_id', said.nodeInstanceId, 'id'),
  networkId: read.text('network_id', said.networkId, 'id'),
  state: read.word('state', said.state, ['active', 'pending', 'draining', 'removed']),
})
