/**
 * Everything that the network is compiled from, at one moment: the intent of our operators, and what follows from others
 * (keys of nodes, what peers offer). Plain, frozen values; addresses and prefixes in canonical text (RFC 5952). Whoever
 * makes a World MUST have checked each value by its type: the compiler writes them into scripts.
 */
export type World = {
  readonly platform: Ourselves
  readonly networks: readonly Network[]
  readonly members: readonly Member[]
  readonly rules: readonly FirewallRule[]
  readonly portMappings: readonly PortMapping[]
  readonly virtualIps: readonly VirtualIp[]
  readonly routePolicies: readonly RoutePolicy[]
  readonly routeLeaks: readonly RouteLeak[]
  readonly vrfs: readonly VrfAssignment[]
  readonly ovn: readonly OvnDeployment[]
  readonly crossings: readonly Crossing[]
  readonly tests: readonly ReachabilityTest[]
}

/** UUID of a record, a node or a peer, in lower case. */
export type Id = string
/** An address in canonical text, for example `fd00:1::7` or `192.0.2.7`. */
export type Address = string
/** A prefix in canonical text without host bits, for example `fd00:1::/64`. */
export type Prefix = string

export type Ourselves = {
  /** `spiffe://` trust domain, for names only. */
  readonly trustDomain: string
  readonly bgp: AccountBgp
}

export type AccountBgp = {
  readonly enabled: boolean
  readonly asNumber: number
  readonly routerIdStrategy: 'member_address_hash' | 'explicit'
  readonly defaultLocalPref: number
  readonly defaultRoutePolicyId: Id | undefined
}

export type Network = {
  readonly id: Id
  readonly slug: string
  /** Only networks that are to be compiled are in a World: registered and active ones. */
  readonly routingProtocol: 'static' | 'ibgp'
  readonly topology: 'hub_and_spoke' | 'full_mesh'
  readonly cidr: Prefix
  readonly defaultPolicy: 'drop' | 'accept'
  readonly mtu: number
  readonly isolation: 'shared' | 'dedicated_vrf'
  readonly tenantKey: string | undefined
  /** 0: every hub reflects. */
  readonly routeReflectors: number
  readonly presharedKeys: boolean
  /** Which secret they are derived from: another one makes other keys. The first when it is not said. */
  readonly keyGeneration?: number
  readonly advertiseSubnet: boolean
  readonly podSubnet: Prefix | undefined
}

export type Member = {
  readonly id: Id
  readonly networkId: Id
  readonly nodeId: Id
  readonly name: string
  readonly address: Address
  readonly publiclyReachable: boolean
  readonly endpointV6: string | undefined
  readonly endpointV4: string | undefined
  readonly endpointPort: number
  readonly listenPort: number
  readonly lanSubnets: readonly Prefix[]
  readonly tags: readonly string[]
  readonly routeReflectorClient: boolean
  readonly routerIdOverride: string | undefined
  /** Base64; undefined while its node has made none: such a member is in nobody's tunnel. */
  readonly publicKey: string | undefined
}

export type Selector =
  | { readonly kind: 'all' }
  | { readonly kind: 'member'; readonly memberId: Id }
  | { readonly kind: 'tag'; readonly tag: string }
  | { readonly kind: 'cidr'; readonly cidr: Prefix }
  | { readonly kind: 'federation_peer'; readonly peerId: Id }

export type PortRange = { readonly from: number; readonly to: number }

/** An enabled rule. */
export type FirewallRule = {
  readonly id: Id
  readonly networkId: Id
  readonly name: string
  readonly priority: number
  readonly action: 'accept' | 'drop' | 'reject'
  readonly direction: 'ingress' | 'egress' | 'both'
  readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp6'
  readonly src: Selector
  readonly dst: Selector
  readonly dstPorts: PortRange | undefined
}

/** An enabled mapping. */
export type PortMapping = {
  readonly id: Id
  readonly memberId: Id
  readonly listenPort: number
  readonly protocol: 'tcp' | 'udp'
  readonly target: { readonly kind: 'member' | 'virtual_ip'; readonly id: Id }
  readonly targetPort: number
  readonly rateLimit: number | undefined
  readonly maxConnections: number | undefined
  readonly sourceCidrs: readonly Prefix[]
}

export type VirtualIp = {
  readonly id: Id
  readonly networkId: Id
  readonly name: string
  /** /128 or /32. */
  readonly cidr: Prefix
  readonly state: 'pending' | 'active'
  readonly holders: readonly Id[]
  readonly anycast: boolean
  readonly med: number
  readonly localPref: number
}

export type RouteStatement = {
  readonly prefixIn: readonly {
    readonly prefix: Prefix
    readonly ge: number | undefined
    readonly le: number | undefined
  }[]
  readonly asPathRegex: string | undefined
  readonly communityIn: readonly string[]
  readonly tagIn: readonly number[]
  readonly neighborIn: readonly Id[]
  readonly action: 'accept' | 'reject'
  readonly setLocalPref: number | undefined
  readonly setMed: number | undefined
  readonly prependAsPath: number
  readonly addCommunity: string | undefined
}

/** An enabled policy. */
export type RoutePolicy = {
  readonly id: Id
  readonly name: string
  readonly scope:
    | { readonly kind: 'account' }
    | { readonly kind: 'network'; readonly id: Id }
    | { readonly kind: 'member'; readonly id: Id }
  readonly direction: 'import' | 'export'
  readonly statements: readonly RouteStatement[]
}

/** An active leak. */
export type RouteLeak = {
  readonly id: Id
  readonly sourceNetworkId: Id
  readonly destNetworkId: Id
  readonly bidirectional: boolean
  readonly filter: readonly { readonly cidr: Prefix; readonly action: 'permit' | 'deny' }[]
}

/** An active or draining one. */
export type VrfAssignment = {
  readonly nodeId: Id
  readonly networkId: Id
  readonly tableId: number
  readonly vrfName: string
}

export type OvnDeployment = {
  readonly id: Id
  readonly nbEndpoint: string
  /** The node whose agent writes the northbound database. */
  readonly nodeId: Id | undefined
  readonly switches: readonly OvnSwitch[]
  /** It has ended here, and its records are still to be taken away: which time it was. Such a one has no switches. */
  readonly ending?: number | undefined
}

export type OvnSwitch = {
  readonly id: Id
  readonly name: string
  readonly cidr: Prefix | undefined
  readonly networkId: Id | undefined
  readonly ports: readonly OvnPort[]
  readonly acls: readonly OvnAcl[]
}

export type OvnPort = {
  readonly id: Id
  readonly name: string
  readonly kind: 'vm' | 'container' | 'external'
  readonly mac: string
  readonly addresses: readonly Address[]
}

export type OvnMatch = {
  readonly family: 'any' | 'ip4' | 'ip6'
  readonly src: { readonly cidr: Prefix; readonly not: boolean } | undefined
  readonly dst: { readonly cidr: Prefix; readonly not: boolean } | undefined
  readonly protocol: 'any' | 'tcp' | 'udp' | 'icmp'
  readonly dstPorts: PortRange | undefined
  readonly portId: Id | undefined
}

export type OvnAcl = {
  readonly id: Id
  readonly name: string
  readonly direction: 'from-lport' | 'to-lport'
  readonly priority: number
  readonly action: 'allow' | 'allow-related' | 'drop' | 'reject'
  readonly match: OvnMatch
}

/**
 * The road to one federation peer: there only while the peering is active. What crosses is the intersection: what they
 * advertise and we accept, and what we advertise. Until both sides have offered there is nobody at the other end (`remote` is
 * empty): the gateways have their interface all the same, since its key is what we offer.
 */
export type Crossing = {
  readonly peerId: Id
  readonly networkId: Id
  /** Ours, in order of preference. */
  readonly gateways: readonly {
    readonly memberId: Id
    readonly listenPort: number
    readonly publicKey: string | undefined
  }[]
  readonly remote: readonly RemoteGateway[]
  /** Names the preshared key of the tunnel (NodePlan's `preshared`), and is another whenever that is. Empty: there is none yet. */
  readonly pair: string
  /** Prefixes of theirs that we route: advertised, accepted, and free of overlap. */
  readonly accepted: readonly Prefix[]
  /** Ours that they may route. */
  readonly advertised: readonly Prefix[]
  readonly maxPrefixes: number
}

export type RemoteGateway = {
  readonly publicKey: string
  readonly endpoint: string | undefined
  readonly address: Address
  readonly asNumber: number
}

export type ReachabilityTest = {
  readonly id: Id
  readonly name: string
  readonly src: string
  readonly accept: readonly string[]
  readonly deny: readonly string[]
}
