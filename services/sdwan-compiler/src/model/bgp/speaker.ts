import type { WireGuardInterface } from '../../plan.ts'
import type { Crossing } from '../../world.ts'
import type { ModelNode } from '../model-node.ts'
import type { FrrConfig, Neighbor, Router } from './frr-config.ts'

/** One `router bgp` of one node. */
export class Speaker {
  readonly node: ModelNode
  readonly config: FrrConfig
  readonly router: Router
  /** Addresses that it can be called at. */
  readonly addresses: readonly string[]
  /** Whether what it hears goes on to others: it reflects, or it stands at a border. */
  readonly passesOn: boolean

  constructor(node: ModelNode, config: FrrConfig, router: Router) {
    this.node = node
    this.config = config
    this.router = router
    this.addresses = this.#interfaces().flatMap((each) => each.addresses.map(hostOf))
    const neighbors = [...router.neighbors.values()]
    const reflects = neighbors.some(({ families }) => [...families.values()].some(({ client }) => client))
    this.passesOn = reflects || neighbors.some(({ remoteAs }) => remoteAs !== router.as)
  }

  get key(): string {
    return `${this.node.id} ${this.router.vrf ?? ''}`
  }

  /** The neighbor of ours that is called at one of these addresses. */
  neighborAt(addresses: readonly string[]): Neighbor | undefined {
    for (const address of addresses) {
      const found = this.router.neighbors.get(address)
      if (found) return found
    }
    return undefined
  }

  #interfaces(): readonly WireGuardInterface[] {
    return this.node.plan.interfaces.filter(({ vrfName }) => vrfName === this.router.vrf)
  }
}

/** A gateway of a federation peer, as a neighbor of ours sees it: it tells what was agreed, and perhaps more. */
export type Foreigner = { readonly crossing: Crossing; readonly address: string; readonly as: number }

function hostOf(address: string): string {
  const slash = address.indexOf('/')
  return slash < 0 ? address : address.slice(0, slash)
}
