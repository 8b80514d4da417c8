import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { type RemoteOverlay } from '@powernode/proto/powernode/sdwan/v1/crossing_pb.ts'
import { type SelectorSchema } from '@powernode/proto/powernode/sdwan/v1/firewall_pb.ts'
import { ItemSchema, type Item } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { StampSchema } from '@powernode/proto/powernode/sdwan/v1/stamp_pb.ts'
import type { Id, RouteStatement } from '../world.ts'
import type { AnyRecord, Kind, RecordOf, SelectorKind, Stamps } from './records.ts'

/** What is shown of a record beside what its operators wrote: how it stands. */
export type Standing = {
  readonly memberStatus?: (id: Id) => { readonly status: string; readonly lastHandshakeAt: Date | undefined }
  readonly virtualIpState?: (record: RecordOf<'virtual_ip'>) => string
  readonly remote?: (peerId: Id) => RemoteOverlay | undefined
}

const stampOf = (stamps: Stamps) =>
  create(StampSchema, {
    createdAt: timestampFromDate(stamps.createdAt),
    createdBy: stamps.createdBy,
    updatedAt: timestampFromDate(stamps.updatedAt),
    updatedBy: stamps.updatedBy,
    version: BigInt(stamps.version),
  })

type Shown = NonNullable<MessageInitShape<typeof ItemSchema>['kind']>

/** A record as operators see it. */
export function itemOf(any: AnyRecord, standing: Standing = {}): Item {
  const { id } = any.record
  const stamp = stampOf(any.record)
  const shown = shownOf(any, standing)
  return create(ItemSchema, { kind: { case: shown.case, value: { ...shown.value, id, stamp } } as Shown }) // of its own case
}

function shownOf(any: AnyRecord, standing: Standing): Shown {
  const { kind, record } = any
  switch (kind) {
    case 'network':
      return { case: 'network', value: network(record) }
    case 'member':
      return { case: 'member', value: member(record, standing) }
    case 'firewall_rule':
      return { case: 'firewallRule', value: rule(record) }
    case 'port_mapping':
      return { case: 'portMapping', value: mapping(record) }
    case 'virtual_ip':
      return { case: 'virtualIp', value: virtualIp(record, standing) }
    case 'route_policy': {
      const { name, scope, scopeNetworkId, scopeMemberId, direction, disabled, statements } = record
      const scopeId = scopeNetworkId ?? scopeMemberId ?? ''
      return { case: 'routePolicy', value: { name, scope, scopeId, direction, disabled, statements: statements.map(statement) } } // prettier-ignore
    }
    case 'route_leak': {
      const { sourceNetworkId, destNetworkId, direction, state, filter } = record
      return {
        case: 'routeLeak',
        value: { sourceNetworkId, destNetworkId, direction, state, prefixFilter: [...filter] },
      }
    }
    case 'account_bgp': {
      const { asNumber, routerIdStrategy, defaultLocalPref, defaultRoutePolicyId, disabled } = record
      return { case: 'accountBgp', value: { asNumber, routerIdStrategy, defaultLocalPref, defaultRoutePolicyId: defaultRoutePolicyId ?? '', disabled } } // prettier-ignore
    }
    case 'vrf_assignment': {
      const { nodeId, networkId, tableId, vrfName, state } = record
      return { case: 'vrfAssignment', value: { nodeInstanceId: nodeId, networkId, tableId, vrfName, state } }
    }
    case 'ovn_deployment': {
      const { name, status, nbEndpoint, sbEndpoint, nodeId } = record
      return { case: 'ovnDeployment', value: { name, status, nbDbEndpoint: nbEndpoint ?? '', sbDbEndpoint: sbEndpoint ?? '', northdNodeInstanceId: nodeId ?? '' } } // prettier-ignore
    }
    case 'ovn_switch': {
      const { deploymentId, name, cidr, state, networkId } = record
      return { case: 'ovnSwitch', value: { deploymentId, name, cidr: cidr ?? '', state, networkId: networkId ?? '' } }
    }
    case 'ovn_port': {
      const { switchId, name, mac, addresses, hostNodeId, state } = record
      return { case: 'ovnPort', value: { switchId, name, kind: record.kind, mac, addresses: [...addresses], hostNodeInstanceId: hostNodeId ?? '', state } } // prettier-ignore
    }
    case 'ovn_acl':
      return { case: 'ovnAcl', value: acl(record) }
    case 'prefix_access': {
      const { peerId, networkId, gateways, advertise, accept, maxPrefixes, disabled } = record
      const remote = standing.remote?.(peerId)
      return { case: 'prefixAccess', value: { peerId, networkId, gatewayMemberIds: [...gateways], advertise: [...advertise], accept: [...accept], maxPrefixes, disabled, ...(remote && { remote }) } } // prettier-ignore
    }
    default: {
      const { name, src, accept, deny } = record
      return { case: 'test', value: { name, src, accept: [...accept], deny: [...deny] } }
    }
  }
}

const network = (record: RecordOf<'network'>) => ({
  name: record.name,
  slug: record.slug,
  status: record.status,
  routingProtocol: record.routingProtocol,
  topologyStrategy: record.topology,
  cidr64: record.cidr,
  firewallDefaultPolicy: record.defaultPolicy,
  mtu: record.mtu,
  isolation: record.isolation,
  tenantKey: record.tenantKey ?? '',
  routeReflectorRedundancy: record.routeReflectors,
  presharedKeys: record.presharedKeys,
  advertiseOverlaySubnet: record.advertiseSubnet,
  podSubnetPrefix: record.podSubnet ?? '',
})

function member(record: RecordOf<'member'>, { memberStatus }: Standing) {
  const seen = memberStatus?.(record.id)
  return {
    networkId: record.networkId,
    nodeInstanceId: record.nodeId,
    name: record.name,
    assignedAddress: record.address,
    publiclyReachable: record.publiclyReachable,
    endpointHostV6: record.endpointV6 ?? '',
    endpointHostV4: record.endpointV4 ?? '',
    endpointPort: record.endpointPort,
    listenPort: record.listenPort,
    lanSubnets: [...record.lanSubnets],
    tags: [...record.tags],
    bgpRouteReflectorClient: record.routeReflectorClient,
    bgpRouterIdOverride: record.routerIdOverride ?? '',
    publicKey: record.publicKey ?? '',
    status: seen?.status ?? 'pending',
    ...(seen?.lastHandshakeAt && { lastHandshakeAt: timestampFromDate(seen.lastHandshakeAt) }),
  }
}

const rule = (record: RecordOf<'firewall_rule'>) => ({
  networkId: record.networkId,
  name: record.name,
  priority: record.priority,
  action: record.action,
  direction: record.direction,
  protocol: record.protocol,
  src: selector(record.srcKind, record.srcValue),
  dst: selector(record.dstKind, record.dstValue),
  ...portsOf(record),
  disabled: record.disabled,
})

const CASES = { member: 'memberId', tag: 'tag', cidr: 'cidr', federation_peer: 'federationPeerId' } as const

const selector = (kind: SelectorKind, value: string): MessageInitShape<typeof SelectorSchema> => ({
  kind: kind === 'all' ? { case: 'all', value: true } : { case: CASES[kind], value },
})

const portsOf = ({ portFrom, portTo }: { portFrom: number | null; portTo: number | null }) =>
  portFrom === null || portTo === null ? {} : { dstPorts: { from: portFrom, to: portTo } }

const mapping = (record: RecordOf<'port_mapping'>) => ({
  memberId: record.memberId,
  listenPort: record.listenPort,
  protocol: record.protocol,
  target:
    record.targetMemberId === null
      ? ({ case: 'targetVirtualIpId', value: record.targetVirtualIpId ?? '' } as const)
      : ({ case: 'targetMemberId', value: record.targetMemberId } as const),
  targetPort: record.targetPort,
  disabled: record.disabled,
  rateLimit: record.rateLimit ?? 0,
  maxConnections: record.maxConnections ?? 0,
  sourceCidrs: [...record.sourceCidrs],
})

const virtualIp = (record: RecordOf<'virtual_ip'>, { virtualIpState }: Standing) => ({
  networkId: record.networkId,
  name: record.name,
  cidr: record.cidr,
  state: virtualIpState?.(record) ?? (record.holders.length > 0 ? 'pending' : 'unassigned'),
  holderMemberIds: [...record.holders],
  failoverMemberIds: [...record.failover],
  anycast: record.anycast,
  advertisedMed: record.med,
  advertisedLocalPref: record.localPref,
})

const statement = (said: RouteStatement) => ({
  prefixIn: said.prefixIn.map(({ prefix, ge = 0, le = 0 }) => ({ prefix, ge, le })),
  asPathRegex: said.asPathRegex ?? '',
  communityIn: [...said.communityIn],
  tagIn: [...said.tagIn],
  neighborIn: [...said.neighborIn],
  action: said.action,
  ...(said.setLocalPref !== undefined && { setLocalPref: said.setLocalPref }),
  ...(said.setMed !== undefined && { setMed: said.setMed }),
  prependAsPath: said.prependAsPath,
  addCommunity: said.addCommunity ?? '',
})

const acl = (record: RecordOf<'ovn_acl'>) => ({
  switchId: record.switchId,
  name: record.name,
  direction: record.direction,
  priority: record.priority,
  action: record.action,
  match: {
    family: record.family,
    srcCidr: record.src ?? '',
    srcNot: record.srcNot,
    dstCidr: record.dst ?? '',
    dstNot: record.dstNot,
    protocol: record.protocol,
    ...portsOf(record),
    portId: record.portId ?? '',
  },
  state: record.state,
})

/** One line about a record, for plans and events: what it is called, or its id. */
export function calledOf(any: AnyRecord): string {
  const { record } = any
  if ('slug' in record) return record.slug
  return 'name' in record ? record.name : record.id
}

export const anyOf = <K extends Kind>(kind: K, record: RecordOf<K>): AnyRecord =>
  ({ kind, record }) as unknown as AnyRecord // of one kind
