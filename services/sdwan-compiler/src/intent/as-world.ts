import type { Member, Network, RoutePolicy, World } from '../world.ts'
import type { RecordOf } from './records.ts'

/** Records as the compiler reads them: what is not there is undefined, ids are grouped by what they name. */

export const network = (record: RecordOf<'network'>): Network => ({
  id: record.id,
  slug: record.slug,
  routingProtocol: record.routingProtocol,
  topology: record.topology,
  cidr: record.cidr,
  defaultPolicy: record.defaultPolicy,
  mtu: record.mtu,
  isolation: record.isolation,
  tenantKey: record.tenantKey ?? undefined,
  routeReflectors: record.routeReflectors,
  presharedKeys: record.presharedKeys,
  keyGeneration: record.keyGeneration,
  advertiseSubnet: record.advertiseSubnet,
  podSubnet: record.podSubnet ?? undefined,
})

export const member = (record: RecordOf<'member'>): Member => ({
  id: record.id,
  networkId: record.networkId,
  nodeId: record.nodeId,
  name: record.name,
  address: record.address,
  publiclyReachable: record.publiclyReachable,
  endpointV6: record.endpointV6 ?? undefined,
  endpointV4: record.endpointV4 ?? undefined,
  endpointPort: record.endpointPort,
  listenPort: record.listenPort,
  lanSubnets: record.lanSubnets,
  tags: record.tags,
  routeReflectorClient: record.routeReflectorClient,
  routerIdOverride: record.routerIdOverride ?? undefined,
  publicKey: record.publicKey ?? undefined,
})

export const rule = (record: RecordOf<'firewall_rule'>): World['rules'][number] => ({
  id: record.id,
  networkId: record.networkId,
  name: record.name,
  priority: record.priority,
  action: record.action,
  direction: record.direction,
  protocol: record.protocol,
  src: selector(record.srcKind, record.srcValue),
  dst: selector(record.dstKind, record.dstValue),
  dstPorts: portsOf(record),
})

function selector(kind: RecordOf<'firewall_rule'>['srcKind'], value: string): World['rules'][number]['src'] {
  switch (kind) {
    case 'all':
      return { kind }
    case 'member':
      return { kind, memberId: value }
    case 'tag':
      return { kind, tag: value }
    case 'cidr':
      return { kind, cidr: value }
    default:
      return { kind, peerId: value }
  }
}

export const portsOf = ({ portFrom, portTo }: { portFrom: number | null; portTo: number | null }) =>
  portFrom === null || portTo === null ? undefined : { from: portFrom, to: portTo }

export const mapping = (record: RecordOf<'port_mapping'>): World['portMappings'][number] => ({
  id: record.id,
  memberId: record.memberId,
  listenPort: record.listenPort,
  protocol: record.protocol,
  target:
    record.targetMemberId === null
      ? { kind: 'virtual_ip', id: record.targetVirtualIpId ?? '' }
      : { kind: 'member', id: record.targetMemberId },
  targetPort: record.targetPort,
  rateLimit: record.rateLimit ?? undefined,
  maxConnections: record.maxConnections ?? undefined,
  sourceCidrs: record.sourceCidrs,
})

export const virtualIp = (record: RecordOf<'virtual_ip'>): World['virtualIps'][number] => ({
  id: record.id,
  networkId: record.networkId,
  name: record.name,
  cidr: record.cidr,
  state: record.holders.length > 0 ? 'active' : 'pending',
  holders: record.holders,
  anycast: record.anycast,
  med: record.med,
  localPref: record.localPref,
})

export const policy = (record: RecordOf<'route_policy'>): RoutePolicy => ({
  id: record.id,
  name: record.name,
  scope: record.scope === 'account' ? { kind: 'account' } : { kind: record.scope, id: record.scopeNetworkId ?? record.scopeMemberId ?? '' }, // prettier-ignore
  direction: record.direction,
  // Read back from JSON, where what is undefined is not there at all.
  statements: record.statements.map((said) => ({
    ...said,
    prefixIn: said.prefixIn.map(({ prefix, ge, le }) => ({ prefix, ge, le })),
    asPathRegex: said.asPathRegex,
    setLocalPref: said.setLocalPref,
    setMed: said.setMed,
    addCommunity: said.addCommunity,
  })),
})

export const leak = (record: RecordOf<'route_leak'>): World['routeLeaks'][number] => ({
  id: record.id,
  sourceNetworkId: record.sourceNetworkId,
  destNetworkId: record.destNetworkId,
  bidirectional: record.direction === 'bidirectional',
  filter: record.filter,
})

export const vrf = ({ nodeId, networkId, tableId, vrfName }: RecordOf<'vrf_assignment'>): World['vrfs'][number] => ({ nodeId, networkId, tableId, vrfName }) // prettier-ignore

export const test = ({ id, name, src, accept, deny }: RecordOf<'test'>): World['tests'][number] => ({
  id,
  name,
  src,
  accept,
  deny,
})
