import type { Net } from '../address.ts'
import type { Policies } from './policy.ts'

/** frr.conf as bgpd and zebra understand it, without what only says how fast or how loud. */
export type FrrConfig = { readonly policies: Policies; readonly routers: readonly Router[] }

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
  readonly imports: { readonly vrfs: readonly string[]; readonly maps: ReadonlyMap<4 | 6, string> }
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
