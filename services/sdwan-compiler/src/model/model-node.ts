import type { NodePlan, WireGuardInterface } from '../plan.ts'
import type { Id } from '../world.ts'
import type { FrrConfig } from './bgp/frr-config.ts'
import { readFrr } from './bgp/read-frr.ts'
import { Speaker } from './bgp/speaker.ts'
import { Firewall } from './nft/filter.ts'
import { readScript } from './nft/script.ts'
import { type Tunnel, readTunnel } from './wireguard.ts'

/** One node as its artifacts make it. Read when it is first asked for: of 5,000 spokes an answer needs two. */
export class ModelNode {
  readonly plan: NodePlan
  #firewall: Firewall | undefined
  readonly #tunnels = new Map<string, Tunnel>()
  #frr: FrrConfig | undefined
  #speakers: readonly Speaker[] | undefined
  readonly #pairs = new Map<string, ReadonlyMap<string, string>>()
  #shape: string | undefined
  readonly #byName: ReadonlyMap<string, WireGuardInterface>

  constructor(plan: NodePlan) {
    this.plan = plan
    this.#byName = new Map(plan.interfaces.map((each) => [each.name, each]))
  }

  get id(): Id {
    return this.plan.nodeId
  }

  get firewall(): Firewall {
    this.#firewall ??= new Firewall(readScript(this.plan.nftables))
    return this.#firewall
  }

  get frr(): FrrConfig {
    this.#frr ??= readFrr(this.plan.frr)
    return this.#frr
  }

  /** Every `router bgp` of it. */
  get speakers(): readonly Speaker[] {
    this.#speakers ??= this.frr.routers.map((router) => new Speaker(this, this.frr, router))
    return this.#speakers
  }

  /** Kept with the node: what is made of its texts alone is the same as long as they are. */
  shape(make: () => string): string {
    this.#shape ??= make()
    return this.#shape
  }

  interface(name: string): WireGuardInterface | undefined {
    return this.#byName.get(name)
  }

  /** Which preshared key goes with a peer of an interface. */
  pairOf(name: string, publicKey: string): string | undefined {
    const known = this.#pairs.get(name)
    if (known) return known.get(publicKey)
    const all = this.interface(name)?.preshared ?? []
    const pairs = new Map(all.map((each) => [each.publicKey, each.pair]))
    this.#pairs.set(name, pairs)
    return pairs.get(publicKey)
  }

  tunnel(name: string): Tunnel {
    const before = this.#tunnels.get(name)
    if (before) return before
    const found = this.interface(name)
    if (!found) throw new Error(`node ${this.id} has no interface ${name}`)
    const tunnel = readTunnel(found.config)
    this.#tunnels.set(name, tunnel)
    return tunnel
  }
}
