import type { DescMessage } from '@bufbuild/protobuf'
import { PrefixAccessSchema } from '@powernode/proto/powernode/sdwan/v1/crossing_pb.ts'
import { FirewallRuleSchema, PortMappingSchema } from '@powernode/proto/powernode/sdwan/v1/firewall_pb.ts'
import { ReachabilityTestSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { MemberSchema, NetworkSchema } from '@powernode/proto/powernode/sdwan/v1/network_pb.ts'
import {
  OvnAclSchema,
  OvnDeploymentSchema,
  OvnPortSchema,
  OvnSwitchSchema,
} from '@powernode/proto/powernode/sdwan/v1/ovn_pb.ts'
import {
  AccountBgpSchema,
  RouteLeakSchema,
  RoutePolicySchema,
  VirtualIpSchema,
  VrfAssignmentSchema,
} from '@powernode/proto/powernode/sdwan/v1/routing_pb.ts'
import { textOf } from './text-of.ts'

/** The kinds of intent, in the order in which they can be made: what others hang on comes first. */
export const KIND_NAMES = [
  'network',
  'member',
  'virtual_ip',
  'firewall_rule',
  'port_mapping',
  'route_policy',
  'account_bgp',
  'route_leak',
  'prefix_access',
  'ovn_deployment',
  'ovn_switch',
  'ovn_port',
  'ovn_acl',
  'vrf_assignment',
  'test',
] as const
export type Kind = (typeof KIND_NAMES)[number]

/** A record as the contract writes it in JSON, fields as in the proto. */
export type Fields = Readonly<Record<string, unknown>>

/** Names of the records that fields speak of by id; an id that is not known stays one. */
export type NameOf = (id: string) => string

type Reference = { readonly field: string; readonly to: Kind | 'peer' }

export type KindRow = {
  readonly schema: DescMessage
  /** In words, as messages name it. */
  readonly word: string
  /** Its key in a file of intent. */
  readonly section: string
  /** What it lies in, and the field that says so. */
  readonly within?: { readonly kind: Kind; readonly field: string }
  /**
   * Fields that hold the id of another record. Where the contract's field ends in _id or _ids, people write the name of the
   * record, under the field's name without that ending.
   */
  readonly references?: readonly Reference[]
  /** Its name among its like: with what it lies in, one record has it. */
  readonly name: (fields: Fields, nameOf: NameOf) => string
  /** Set by the service alone: neither written nor compared. */
  readonly served?: readonly string[]
  /** Chosen by the service where nothing is said: what is there stays. */
  readonly filled?: readonly string[]
  /** What nothing said means. */
  readonly defaults?: Fields
}

const named = (fields: Fields): string => textOf(fields['name'])
const of = (kind: Kind, field: string) => ({ kind, field })

/** Every kind of intent: how it is written, named and compared. A kind without a row does not compile. */
export const KINDS: Readonly<Record<Kind, KindRow>> = {
  network: {
    schema: NetworkSchema,
    word: 'network',
    section: 'networks',
    name: (fields) => textOf(fields['slug']) || slugOf(named(fields)),
    served: ['cidr_64'],
    filled: ['slug'],
    defaults: {
      status: 'registered',
      routing_protocol: 'static',
      topology_strategy: 'hub_and_spoke',
      firewall_default_policy: 'drop',
      mtu: 1420,
      isolation: 'shared',
    },
  },
  member: {
    schema: MemberSchema,
    word: 'member',
    section: 'members',
    within: of('network', 'network_id'),
    name: (fields) => named(fields) || textOf(fields['node_instance_id']),
    served: ['assigned_address', 'public_key', 'status', 'last_handshake_at'],
    filled: ['name', 'listen_port', 'endpoint_port'],
  },
  virtual_ip: {
    schema: VirtualIpSchema,
    word: 'virtual IP',
    section: 'virtual_ips',
    within: of('network', 'network_id'),
    references: [
      { field: 'holder_member_ids', to: 'member' },
      { field: 'failover_member_ids', to: 'member' },
    ],
    name: named,
    served: ['state'],
    defaults: { advertised_local_pref: 100 },
  },
  firewall_rule: {
    schema: FirewallRuleSchema,
    word: 'firewall rule',
    section: 'firewall_rules',
    within: of('network', 'network_id'),
    name: named,
  },
  port_mapping: {
    schema: PortMappingSchema,
    word: 'port mapping',
    section: 'port_mappings',
    // It hangs on a member, and is named by it; in a file it stands in the member's network.
    within: of('member', 'member_id'),
    references: [
      { field: 'member_id', to: 'member' },
      { field: 'target_member_id', to: 'member' },
      { field: 'target_virtual_ip_id', to: 'virtual_ip' },
    ],
    name: (fields) => `${textOf(fields['protocol'])}-${textOf(fields['listen_port'])}`,
    filled: ['target_port'],
  },
  route_policy: {
    schema: RoutePolicySchema,
    word: 'route policy',
    section: 'route_policies',
    references: [{ field: 'scope_id', to: 'member' }],
    name: named,
  },
  account_bgp: {
    schema: AccountBgpSchema,
    word: 'BGP of the platform',
    section: 'account_bgp',
    references: [{ field: 'default_route_policy_id', to: 'route_policy' }],
    name: () => 'bgp',
    filled: ['as_number'],
    defaults: { router_id_strategy: 'member_address_hash', default_local_pref: 100 },
  },
  route_leak: {
    schema: RouteLeakSchema,
    word: 'route leak',
    section: 'route_leaks',
    references: [
      { field: 'source_network_id', to: 'network' },
      { field: 'dest_network_id', to: 'network' },
    ],
    name: (fields, nameOf) =>
      `${nameOf(textOf(fields['source_network_id']))}-to-${nameOf(textOf(fields['dest_network_id']))}`,
    defaults: { direction: 'one_way', state: 'proposed' },
  },
  prefix_access: {
    schema: PrefixAccessSchema,
    word: 'access to a peer',
    section: 'prefix_access',
    references: [
      { field: 'peer_id', to: 'peer' },
      { field: 'network_id', to: 'network' },
      { field: 'gateway_member_ids', to: 'member' },
    ],
    name: (fields, nameOf) => nameOf(textOf(fields['peer_id'])),
    served: ['remote'],
    defaults: { max_prefixes: 32 },
  },
  ovn_deployment: {
    schema: OvnDeploymentSchema,
    word: 'OVN deployment',
    section: 'ovn_deployments',
    name: named,
    defaults: { status: 'pending' },
  },
  ovn_switch: {
    schema: OvnSwitchSchema,
    word: 'OVN switch',
    section: 'switches',
    within: of('ovn_deployment', 'deployment_id'),
    references: [{ field: 'network_id', to: 'network' }],
    name: named,
    defaults: { state: 'pending' },
  },
  ovn_port: {
    schema: OvnPortSchema,
    word: 'OVN port',
    section: 'ports',
    within: of('ovn_switch', 'switch_id'),
    name: named,
    filled: ['mac'],
    defaults: { kind: 'vm', state: 'pending' },
  },
  ovn_acl: {
    schema: OvnAclSchema,
    word: 'OVN ACL',
    section: 'acls',
    within: of('ovn_switch', 'switch_id'),
    name: named,
    defaults: { priority: 1000, state: 'pending' },
  },
  vrf_assignment: {
    schema: VrfAssignmentSchema,
    word: 'VRF assignment',
    section: 'vrf_assignments',
    references: [{ field: 'network_id', to: 'network' }],
    name: (fields, nameOf) => `${nameOf(textOf(fields['network_id']))}@${textOf(fields['node_instance_id'])}`,
  },
  test: {
    schema: ReachabilityTestSchema,
    word: 'test',
    section: 'tests',
    name: named,
  },
}

/** As the service makes one of a network's name. */
export const slugOf = (name: string): string =>
  name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')

export const isKind = (word: string): word is Kind => KIND_NAMES.some((kind) => kind === word)
