import { cidrHolds } from '@powernode/policy'
import type { Id, Member, Prefix, RouteLeak } from '../world.ts'
import type { Destination } from './destinations.ts'
import { whyUnreadable } from './frr/leaks.ts'
import { compared, vrfOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

/**
 * What leaks into a network lies behind the members whose node is in the other one too, and there in another table: routes alone
 * carry nothing, since tunnels take only what they are told of. By node, so that both networks choose the same one and each
 * firewall sees both directions of a connection.
 */
export function leakedInto(index: WorldIndex, { network, keyed }: NetworkIndex): readonly Destination[] {
  if (!isRouted(index, network.id)) return []
  return index.world.routeLeaks.flatMap(({ id, sourceNetworkId, destNetworkId, bidirectional, filter }) => {
    const into = destNetworkId === network.id
    const from = into ? sourceNetworkId : bidirectional && sourceNetworkId === network.id ? destNetworkId : undefined
    const source = from === undefined ? undefined : index.networks.get(from)
    if (!source || !isRouted(index, source.network.id)) return []
    const behind = keyed.filter((member) => joins(index, member, source.network.id)).toSorted(byNode)
    return prefixesOf(source)
      .filter((prefix) => passes(filter, prefix))
      .map((prefix): Destination => ({ prefix, behind, source: `leak:${id}` }))
  })
}

/** The networks between which and this one routes leak, one way or the other: where packets go one way, answers go the other. */
export function leakingWith(index: WorldIndex, { network: { id } }: NetworkIndex): readonly Id[] {
  if (index.routeLeaks.length === 0 || !isRouted(index, id)) return NONE
  const others = index.routeLeaks
    .filter((leak) => whyUnreadable(leak) === undefined)
    .flatMap(({ sourceNetworkId: from, destNetworkId: to }) => (from === id ? [to] : to === id ? [from] : []))
  return [...new Set(others)].filter((other) => other !== id && isRouted(index, other)).toSorted(compared)
}

const NONE: readonly Id[] = []

/** Only BGP takes a route from one table into another. */
function isRouted({ world, networks }: WorldIndex, networkId: Id): boolean {
  return world.platform.bgp.enabled && networks.get(networkId)?.network.routingProtocol === 'ibgp'
}

function joins(index: WorldIndex, { nodeId, networkId }: Member, other: Id): boolean {
  const there = index.nodes.get(nodeId)?.some((each) => each.networkId === other && each.publicKey !== undefined)
  const [own, its] = [vrfOf(index, nodeId, networkId)?.vrfName, vrfOf(index, nodeId, other)?.vrfName]
  return there === true && own !== its
}

function prefixesOf({ network, keyed, virtualIps }: NetworkIndex): readonly Prefix[] {
  return [network.cidr, ...keyed.flatMap(({ lanSubnets }) => lanSubnets), ...virtualIps.map(({ cidr }) => cidr)]
}

/** Denials go first, with all inside; an empty filter lets everything pass. */
function passes(filter: RouteLeak['filter'], prefix: Prefix): boolean {
  const of = (action: 'permit' | 'deny'): boolean =>
    filter.some((each) => each.action === action && cidrHolds(each.cidr, prefix))
  return filter.length === 0 || (!of('deny') && of('permit'))
}

const byNode = (one: Member, other: Member): number => (one.nodeId < other.nodeId ? -1 : 1)
