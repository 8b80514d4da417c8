import type { WireGuardInterface } from '../plan.ts'
import type { Ip, Net } from './address.ts'
import { type Model, type Route } from './model.ts'
import type { ModelNode } from './model-node.ts'

/** The route that a node follows to an address, as the kernel chooses it. */
export type Chosen =
  | { readonly kind: 'local' | 'lan'; readonly prefix: string; readonly source: string }
  | {
      readonly kind: 'tunnel'
      readonly prefix: string
      readonly source: string
      readonly interface: WireGuardInterface
    }
  | {
      /** Into another table of the node: by the device of that, out of which the packet comes in again. */
      readonly kind: 'table'
      readonly prefix: string
      readonly source: string
      readonly vrf: string
    }

/**
 * The longest prefix wins, wherever it was learnt. Of routes to one prefix the node's own addresses come first, then what hangs
 * on it, then the lowest metric; FRR installs none where the kernel has one already, and what leaks after what BGP has brought.
 */
export function routeFor(model: Model, node: ModelNode, vrf: string | undefined, ip: Ip): Chosen | undefined {
  const [known] = model.routes(node, vrf).all(ip)
  const learnt = model.bgp.routeFor(node, vrf, ip)
  const [leaked] = model.roads(node, vrf).all(ip)
  const longest = Math.max(...[known, learnt, leaked].map((each) => each?.net.length ?? -1))
  if (known?.net.length === longest) {
    const best = known.value.reduce((one, other) => (rankOf(other) < rankOf(one) ? other : one))
    return { ...best, prefix: textOf(known.net) }
  }
  if (learnt?.net.length === longest) {
    return { kind: 'tunnel', interface: learnt.interface, prefix: textOf(learnt.net), source: learnt.source }
  }
  if (!leaked || leaked.value.kind === 'nowhere') return undefined
  return { ...leaked.value, prefix: textOf(leaked.net) }
}

function rankOf(route: Route): number {
  if (route.kind === 'local') return -2
  return route.kind === 'lan' ? -1 : route.metric
}

/** A prefix as it is written, though not shortened: for people, who know it again. */
function textOf({ hex, family, length }: Net): string {
  if (family === 4) return `${(hex.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.')}/${length}`
  const groups = (hex.match(/.{4}/g) ?? []).map((group) => Number.parseInt(group, 16).toString(16))
  return `${shortened(groups)}/${length}`
}

/** RFC 5952: the longest run of zeros, the first of equals, becomes `::`. */
function shortened(groups: readonly string[]): string {
  let best = { from: -1, length: 1 }
  for (let from = 0; from < groups.length; from += 1) {
    let length = 0
    while (groups[from + length] === '0') length += 1
    if (length > best.length) best = { from, length }
  }
  if (best.from < 0) return groups.join(':')
  return `${groups.slice(0, best.from).join(':')}::${groups.slice(best.from + best.length).join(':')}`
}
