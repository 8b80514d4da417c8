import type { WireGuardInterface } from '../plan.ts'
import type { Id } from '../world.ts'
import type { Ip } from './address.ts'
import type { ModelNode } from './model-node.ts'
import type { Packet, Spoken } from './nft/packet.ts'

/** One node on a packet's way. */
export type Step = {
  readonly nodeId: Id
  readonly inInterface: string
  readonly outInterface: string
  readonly route: string
  readonly routeSource: string
  readonly rules: readonly Spoken[]
  readonly note: string
}

export type Way = {
  readonly steps: readonly Step[]
  /** Why it did not arrive, as the second half of a sentence; empty where it did. */
  readonly end: string
  /** Where it came to rest; undefined: nowhere. */
  readonly at: Rest | undefined
  readonly translations: ReadonlyMap<Id, Translation>
  /** In which zone each node that it passed has followed it. */
  readonly zones: ReadonlyMap<Id, number>
}

/** A node, the LAN behind one, or what lies behind a peer's gateway. */
export type Rest = {
  readonly kind: 'node' | 'lan' | 'peer'
  readonly node: ModelNode
  readonly interface: WireGuardInterface | undefined
  readonly vrf: string | undefined
  /** The packet as it came in. */
  readonly packet: Asked
}

/** What a node made of where a packet wanted to go, and of where it came from; answers get it back. */
export type Translation = {
  readonly dst?: { readonly from: Ip; readonly fromPort: number; readonly to: Ip; readonly toPort: number }
  readonly src?: { readonly from: Ip; readonly to: Ip }
}

/** Where a packet begins: at a node itself, in the LAN behind it, or out of a tunnel. */
export type Start = {
  readonly node: ModelNode
  readonly vrf: string | undefined
  /** Undefined: the node sends it itself. */
  readonly from: WireGuardInterface | 'lan' | undefined
}

export type Asked = Pick<Packet, 'src' | 'dst' | 'protocol' | 'sport' | 'dport' | 'icmp'>

/** What is known of a conversation once its question has passed. */
export type Known = Pick<Way, 'zones' | 'translations'>
