import type { Net } from '../address.ts'
import type { Policies } from './policy.ts'

/** frr.conf as bgpd and zebra understand it, without what only says how fast or how loud. */
export type FrrConfig = {
  readonly policies: Policies
  readonly routers: readonly Router[]
  readonly roads: readonly Road[]
}

/**
 * A route of one table that leads into another, by an interface there or by that table's device; after all that BGP brings.
 * Without a device it ends here.
 */
export type Road = {
  readonly vrf: string | undefined
  readonly net: Net
  readonly device: string | undefined
  readonly into: string | undefined
}

export type Router = {
  readonly as: number
  readonly vrf: string | undefined
  readonly routerId: string
  readonly checksNetworks: boolean
  readonly neighbors: ReadonlyMap<string, Neighbor>
  readonly networks: readonly { readonly net: Net; readonly map: string | undefined }[]
  /** What the kernel has and a route-map lets in. */
  readonly redistributed: readonly {
    readonly kind: 'connected' | 'kernel'
    readonly family: 4 | 6
    readonly map: string
  }[]
}

export type Neighbor = {
  readonly address: string
  readonly remoteAs: number
  readonly source: string | undefined
  readonly families: ReadonlyMap<4 | 6, NeighborFamily>
}

export type NeighborFamily = {
  readonly active: boolean
  readonly client: boolean
  readonly nextHopSelf: boolean
  /** `route-map in`, `prefix-list out` and so on. */
  readonly filters: ReadonlyMap<string, string>
  readonly most: number | undefined
}
