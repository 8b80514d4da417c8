import type { Id, Prefix, RouteStatement } from '../world.ts'

/** Who wrote a record, and when; `version` grows by one with each change of it. */
export type Stamps = {
  readonly id: Id
  readonly version: number
  readonly createdAt: Date
  readonly createdBy: string
  readonly updatedAt: Date
  readonly updatedBy: string
}

export type SelectorKind = 'all' | 'member' | 'tag' | 'cidr' | 'federation_peer'

/** What each kind of record says, beside its stamps: one table a kind, one column a field. */
export type Fields = {
  network: {
    readonly name: string
    readonly slug: string
    readonly status: 'registered' | 'active' | 'suspended' | 'archived'
    readonly routingProtocol: 'static' | 'ibgp'
    readonly topology: 'hub_and_spoke' | 'full_mesh'
    readonly cidr: Prefix
    readonly defaultPolicy: 'drop' | 'accept'
    readonly mtu: number
    readonly isolation: 'shared' | 'dedicated_vrf'
    readonly tenantKey: string | null
    readonly routeReflectors: number
    readonly presharedKeys: boolean
    /** Which secret its preshared keys are derived from; grows with each new one. */
    readonly keyGeneration: number
    readonly advertiseSubnet: boolean
    readonly podSubnet: Prefix | null
  }
  member: {
    readonly networkId: Id
    readonly nodeId: Id
    readonly name: string
    readonly address: string
    readonly publiclyReachable: boolean
    readonly endpointV6: string | null
    readonly endpointV4: string | null
    readonly endpointPort: number
    readonly listenPort: number
    readonly lanSubnets: readonly Prefix[]
    readonly tags: readonly string[]
    readonly routeReflectorClient: boolean
    readonly routerIdOverride: string | null
    readonly publicKey: string | null
  }
  virtual_ip: {
    readonly networkId: Id
    readonly name: string
    readonly cidr: Prefix
    readonly holders: readonly Id[]
    readonly failover: readonly Id[]
    readonly anycast: boolean
    readonly med: number
    readonly localPref: number
  }
  firewall_rule: {
    readonly networkId: Id
    readonly name: string
    readonly priority: number
    readonly action: 'accept' | 'drop' | 'reject'
    readonly direction: 'ingress' | 'egress' | 'both'
    readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp6'
    readonly srcKind: SelectorKind
    readonly srcValue: string
    readonly dstKind: SelectorKind
    readonly dstValue: string
    readonly portFrom: number | null
    readonly portTo: number | null
    readonly disabled: boolean
  }
  port_mapping: {
    readonly memberId: Id
    readonly listenPort: number
    readonly protocol: 'tcp' | 'udp'
    readonly targetMemberId: Id | null
    readonly targetVirtualIpId: Id | null
    readonly targetPort: number
    readonly disabled: boolean
    readonly rateLimit: number | null
    readonly maxConnections: number | null
    readonly sourceCidrs: readonly Prefix[]
  }
  route_policy: {
    readonly name: string
    readonly scope: 'account' | 'network' | 'member'
    readonly scopeNetworkId: Id | null
    readonly scopeMemberId: Id | null
    readonly direction: 'import' | 'export'
    readonly disabled: boolean
    readonly statements: readonly RouteStatement[]
  }
  route_leak: {
    readonly sourceNetworkId: Id
    readonly destNetworkId: Id
    readonly direction: 'one_way' | 'bidirectional'
    readonly state: 'proposed' | 'active' | 'revoked'
    readonly filter: readonly { readonly cidr: Prefix; readonly action: 'permit' | 'deny' }[]
  }
  account_bgp: {
    readonly asNumber: number
    readonly routerIdStrategy: 'member_address_hash' | 'explicit'
    readonly defaultLocalPref: number
    readonly defaultRoutePolicyId: Id | null
    readonly disabled: boolean
  }
  vrf_assignment: {
    readonly nodeId: Id
    readonly networkId: Id
    readonly tableId: number
    readonly vrfName: string
    readonly state: 'pending' | 'active' | 'draining' | 'removed'
    readonly removedAt: Date | null
  }
  ovn_deployment: {
    readonly name: string
    readonly status: 'pending' | 'bootstrapping' | 'active' | 'degraded'
    readonly nbEndpoint: string | null
    readonly sbEndpoint: string | null
    readonly nodeId: Id | null
  }
  ovn_switch: {
    readonly deploymentId: Id
    readonly name: string
    readonly cidr: Prefix | null
    readonly state: OvnState
    readonly networkId: Id | null
  }
  ovn_port: {
    readonly switchId: Id
    readonly name: string
    readonly kind: 'vm' | 'container' | 'external'
    readonly mac: string
    readonly addresses: readonly string[]
    readonly hostNodeId: Id | null
    readonly state: OvnState
  }
  ovn_acl: {
    readonly switchId: Id
    readonly name: string
    readonly direction: 'from-lport' | 'to-lport'
    readonly priority: number
    readonly action: 'allow' | 'allow-related' | 'drop' | 'reject'
    readonly family: 'any' | 'ip4' | 'ip6'
    readonly src: Prefix | null
    readonly srcNot: boolean
    readonly dst: Prefix | null
    readonly dstNot: boolean
    readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp'
    readonly portFrom: number | null
    readonly portTo: number | null
    readonly portId: Id | null
    readonly state: OvnState
  }
  prefix_access: {
    readonly peerId: Id
    readonly networkId: Id
    /** Members; the first is preferred. */
    readonly gateways: readonly Id[]
    readonly advertise: readonly Prefix[]
    readonly accept: readonly Prefix[]
    readonly maxPrefixes: number
    readonly disabled: boolean
  }
  test: {
    readonly name: string
    readonly src: string
    readonly accept: readonly string[]
    readonly deny: readonly string[]
  }
}

export type OvnState = 'pending' | 'active' | 'removed'
export type Kind = keyof Fields
export type RecordOf<K extends Kind> = Stamps & Fields[K]
/** A record together with its kind. */
export type AnyRecord = { [K in Kind]: { readonly kind: K; readonly record: RecordOf<K> } }[Kind]

/** How a column is written in SQL. A list is read as JSON. */
export type ColumnType = 'uuid' | 'text' | 'boolean' | 'integer' | 'bigint' | 'timestamptz' | 'cidr' | 'inet' | 'jsonb' | 'cidr[]' | 'text[]' | 'uuid[]' // prettier-ignore

export const STAMPS: Readonly<Record<keyof Stamps, ColumnType>> = {
  id: 'uuid',
  version: 'bigint',
  createdAt: 'timestamptz',
  createdBy: 'text',
  updatedAt: 'timestamptz',
  updatedBy: 'text',
}
