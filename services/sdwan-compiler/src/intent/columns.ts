import type { ColumnType, Fields, Kind } from './records.ts'

/**
 * The columns of each kind, in the order in which kinds are written: what is named comes before what names it. A field without
 * a column does not compile.
 */
export const COLUMNS: { readonly [K in Kind]: Readonly<Record<keyof Fields[K], ColumnType>> } = {
  network: {
    name: 'text', slug: 'text', status: 'text', routingProtocol: 'text', topology: 'text', cidr: 'cidr', defaultPolicy: 'text',
    mtu: 'integer', isolation: 'text', tenantKey: 'text', routeReflectors: 'integer', presharedKeys: 'boolean', keyGeneration: 'integer',
    advertiseSubnet: 'boolean', podSubnet: 'cidr',
  },
  member: {
    networkId: 'uuid', nodeId: 'uuid', name: 'text', address: 'inet', publiclyReachable: 'boolean', endpointV6: 'text',
    endpointV4: 'text', endpointPort: 'integer', listenPort: 'integer', lanSubnets: 'cidr[]', tags: 'text[]',
    routeReflectorClient: 'boolean', routerIdOverride: 'text', publicKey: 'text',
  },
  virtual_ip: {
    networkId: 'uuid', name: 'text', cidr: 'cidr', holders: 'uuid[]', failover: 'uuid[]', anycast: 'boolean', med: 'bigint',
    localPref: 'bigint',
  },
  firewall_rule: {
    networkId: 'uuid', name: 'text', priority: 'integer', action: 'text', direction: 'text', protocol: 'text', srcKind: 'text',
    srcValue: 'text', dstKind: 'text', dstValue: 'text', portFrom: 'integer', portTo: 'integer', disabled: 'boolean',
  },
  port_mapping: {
    memberId: 'uuid', listenPort: 'integer', protocol: 'text', targetMemberId: 'uuid', targetVirtualIpId: 'uuid',
    targetPort: 'integer', disabled: 'boolean', rateLimit: 'integer', maxConnections: 'integer', sourceCidrs: 'cidr[]',
  },
  route_policy: {
    name: 'text', scope: 'text', scopeNetworkId: 'uuid', scopeMemberId: 'uuid', direction: 'text', disabled: 'boolean',
    statements: 'jsonb',
  },
  route_leak: {
    sourceNetworkId: 'uuid', destNetworkId: 'uuid', direction: 'text', state: 'text', filter: 'jsonb',
  },
  account_bgp: {
    asNumber: 'bigint', routerIdStrategy: 'text', defaultLocalPref: 'bigint', defaultRoutePolicyId: 'uuid', disabled: 'boolean',
  },
  vrf_assignment: {
    nodeId: 'uuid', networkId: 'uuid', tableId: 'integer', vrfName: 'text', state: 'text', removedAt: 'timestamptz',
  },
  ovn_deployment: { name: 'text', status: 'text', nbEndpoint: 'text', sbEndpoint: 'text', nodeId: 'uuid' },
  ovn_switch: { deploymentId: 'uuid', name: 'text', cidr: 'cidr', state: 'text', networkId: 'uuid' },
  ovn_port: {
    switchId: 'uuid', name: 'text', kind: 'text', mac: 'text', addresses: 'text[]', hostNodeId: 'uuid', state: 'text',
  },
  ovn_acl: {
    switchId: 'uuid', name: 'text', direction: 'text', priority: 'integer', action: 'text', family: 'text', src: 'cidr',
    srcNot: 'boolean', dst: 'cidr', dstNot: 'boolean', protocol: 'text', portFrom: 'integer', portTo: 'integer', portId: 'uuid',
    state: 'text',
  },
  prefix_access: {
    peerId: 'uuid', networkId: 'uuid', gateways: 'uuid[]', advertise: 'cidr[]', accept: 'cidr[]', maxPrefixes: 'integer',
    disabled: 'boolean',
  },
  test: { name: 'text', src: 'text', accept: 'text[]', deny: 'text[]' },
} // prettier-ignore

/** Every kind of intent, in the order in which they are written. */
export const KINDS = Object.keys(COLUMNS) as readonly Kind[] // keys of a constant

export const isKind = (word: string): word is Kind => Object.hasOwn(COLUMNS, word)
