import type { Address, Id, Prefix } from './world.ts'

/**
 * What follows from a World: for every node what its WireGuard, nftables, FRR and OVN have to be. Sorted and byte-stable:
 * equal worlds give equal bytes. Holds no secret. What could not be compiled is in problems, never left out silently.
 */
export type Plan = {
  readonly nodes: ReadonlyMap<Id, NodePlan>
  readonly problems: readonly Problem[]
}

export type NodePlan = {
  readonly nodeId: Id
  /** SHA-256 over everything else, hex. */
  readonly version: string
  readonly interfaces: readonly WireGuardInterface[]
  /** For `nft -f`: replaces the whole table `inet powernode_sdwan` in one transaction; empty: no table. */
  readonly nftables: string
  /** The whole of frr.conf; empty: no BGP here. */
  readonly frr: string
  readonly vrfs: readonly { readonly name: string; readonly tableId: number }[]
  readonly heldAddresses: readonly { readonly cidr: Prefix; readonly virtualIpId: Id; readonly interface: string }[]
  readonly ovn: OvnPlan | undefined
  /** Deployments that ended here: what they want is nothing. */
  readonly ovnEndings: readonly OvnEnding[]
  readonly tests: readonly NodeTest[]
}

export type WireGuardInterface = {
  readonly name: string
  readonly owner:
    { readonly kind: 'member'; readonly memberId: Id } | { readonly kind: 'crossing'; readonly peerId: Id }
  readonly addresses: readonly Prefix[]
  readonly mtu: number
  readonly listenPort: number
  /** For `wg syncconf`, without PrivateKey and PresharedKey. */
  readonly config: string
  /** Which preshared keys go with it: made known to the node alone, when it asks. */
  readonly preshared: readonly { readonly publicKey: string; readonly pair: string }[]
  readonly vrfName: string | undefined
  readonly routes: readonly StaticRoute[]
  /** Who takes over from whom, at the node and without asking: prefixes go with the first of these peers that is heard of. */
  readonly standby: readonly Standby[]
}

export type Standby = {
  /** Stand in `config` with the first peer. */
  readonly prefixes: readonly Prefix[]
  /**
   * In order of preference. `address` is where a peer is asked for signs of life, and moves nowhere: of members the link-local one,
   * on this interface; of a federation peer's gateway its address inside the tunnel. The last is taken without being asked.
   */
  readonly peers: readonly { readonly publicKey: string; readonly address: Address }[]
}

export type StaticRoute = {
  readonly prefix: Prefix
  readonly metric: number
  /** `network:<id>`, `member:<id>`, `virtual_ip:<id>` or `federation:<peer id>`. */
  readonly source: string
}

export type OvnPlan = {
  readonly deploymentId: Id
  readonly nbEndpoint: string
  readonly commands: readonly (readonly string[])[]
  readonly desired: {
    readonly switches: readonly string[]
    readonly ports: readonly string[]
    readonly acls: readonly string[]
  }
}

export type OvnEnding = OvnPlan & { readonly generation: number }

export type NodeTest = {
  readonly testId: Id
  readonly address: Address
  readonly protocol: 'tcp' | 'udp' | 'icmp6'
  readonly port: number
  readonly expected: boolean
}

/** Something in the world that cannot be as it is wanted. A fatal one refuses the change that brings it. */
export type Problem = {
  readonly fatal: boolean
  /** For example RULE_VANISHES, HUB_WITHOUT_ENDPOINT, SAME_ENDPOINT, PREFIX_OVERLAP. */
  readonly code: string
  /** `<kind>/<id>`. */
  readonly record: string
  readonly message: string
}
