import { cidrHolds } from '@powernode/policy'
import type { Id, Member, Prefix, RouteLeak } from '../world.ts'
import { isId, isPrefix } from './alphabets.ts'
import type { Destination } from './destinations.ts'
import { compared } from './compared.ts'
import { isHub, vrfOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

/** One direction of a leak. */
export type Flow = { readonly id: Id; readonly from: Id; readonly filter: RouteLeak['filter'] }

/** Of those who could carry a leak, so many do: one, and who takes over from whom. */
const MOST_CARRIERS = 4

/**
 * What leaks into a network lies behind the members whose node is in the other one too, and there in another table: routes alone
 * carry nothing, since tunnels take only what they are told of. The first of them carries it, for both networks the same one,
 * so that each firewall sees both directions of a connection; the others take over in their order.
 */
export function leakedInto(index: WorldIndex, its: NetworkIndex): readonly Destination[] {
  return flowsInto(index, its).flatMap(({ id, from, filter }) => {
    const source = index.networks.get(from)
    if (!source) return []
    const behind = carriersOf(index, its, source)
    return prefixesOf(source)
      .filter((prefix) => passes(filter, prefix))
      .map((prefix): Destination => ({ prefix, behind, source: `leak:${id}` }))
  })
}

/** Every direction in which routes leak into a network, by the leak's id. */
export function flowsInto(index: WorldIndex, { network: { id: into } }: NetworkIndex): readonly Flow[] {
  if (index.routeLeaks.length === 0 || !isRouted(index, into)) return NO_FLOWS
  return index.routeLeaks.flatMap((leak) => {
    const { id, sourceNetworkId, destNetworkId, bidirectional, filter } = leak
    const back = bidirectional && sourceNetworkId === into ? destNetworkId : undefined
    const from = destNetworkId === into ? sourceNetworkId : back
    const isOpen = from !== undefined && isRouted(index, from) && whyUnreadable(leak) === undefined
    return isOpen ? [{ id, from, filter }] : []
  })
}

const NO_FLOWS: readonly Flow[] = []

/** Why a leak cannot be written; undefined where it can. One that cannot brings nothing. */
export function whyUnreadable({ id, filter }: RouteLeak): string | undefined {
  if (!isId(id) || !filter.every(({ cidr }) => isPrefix(cidr))) return 'a prefix of its filter cannot be read'
  return filter.every(({ action }) => action === 'permit' || action === 'deny')
    ? undefined
    : 'its filter has an odd action'
}

/** Whether a filter has denials alone. */
export const permitsNothing = ({ filter }: Pick<RouteLeak, 'filter'>): boolean =>
  filter.length > 0 && filter.every(({ action }) => action === 'deny')

/** The networks between which and this one routes leak, one way or the other: where packets go one way, answers go the other. */
export function leakingWith(index: WorldIndex, { network: { id } }: NetworkIndex): readonly Id[] {
  if (index.routeLeaks.length === 0 || !isRouted(index, id)) return NONE
  const others = index.routeLeaks
    .filter((leak) => whyUnreadable(leak) === undefined)
    .flatMap(({ sourceNetworkId: from, destNetworkId: to }) => (from === id ? [to] : to === id ? [from] : []))
  return [...new Set(others)].filter((other) => other !== id && isRouted(index, other)).toSorted(compared)
}

const NONE: readonly Id[] = []

/** Members of a network that carry what leaks into it or out of it, or will when it is their turn. */
export function carriersIn(index: WorldIndex, its: NetworkIndex): readonly Id[] {
  const others = leakingWith(index, its).map((id) => index.networks.get(id))
  const carriers = others.flatMap((other) => (other ? carriersOf(index, its, other) : []))
  return [...new Set(carriers.map(({ id }) => id))].toSorted(compared)
}

/** Denials go first, with all inside; an empty filter lets everything pass. */
export function passes(filter: RouteLeak['filter'], prefix: Prefix): boolean {
  const of = (action: 'permit' | 'deny'): boolean =>
    filter.some((each) => each.action === action && cidrHolds(each.cidr, prefix))
  return filter.length === 0 || (!of('deny') && of('permit'))
}

/** What a filter denies of a prefix that passes. */
export const deniedIn = (filter: RouteLeak['filter'], prefix: Prefix): readonly Prefix[] =>
  filter.filter(({ action, cidr }) => action === 'deny' && cidrHolds(prefix, cidr)).map(({ cidr }) => cidr)

/** Routes go from table to table on nodes that speak BGP, which tells the others. */
function isRouted({ world, networks }: WorldIndex, networkId: Id): boolean {
  return world.platform.bgp.enabled && networks.get(networkId)?.network.routingProtocol === 'ibgp'
}

/** Members of a network whose node is in another one by another table. Nodes that are a hub come first: everybody goes by hubs. */
function carriersOf(index: WorldIndex, { keyed }: NetworkIndex, { network }: NetworkIndex): readonly Member[] {
  const both = keyed.flatMap((member) => {
    const other = otherOf(index, member, network.id)
    return other ? [{ member, hubs: Number(isHub(member)) + Number(isHub(other)) }] : []
  })
  both.sort((one, other) => other.hubs - one.hubs || compared(one.member.nodeId, other.member.nodeId))
  return both.slice(0, MOST_CARRIERS).map(({ member }) => member)
}

/** The member that a member's node is in another network, if that has another table there. */
function otherOf(index: WorldIndex, { nodeId, networkId }: Member, other: Id): Member | undefined {
  const [own, its] = [vrfOf(index, nodeId, networkId)?.vrfName, vrfOf(index, nodeId, other)?.vrfName]
  if (own === its) return undefined
  return index.nodes.get(nodeId)?.find((each) => each.networkId === other && each.publicKey !== undefined)
}

function prefixesOf({ network, keyed, virtualIps }: NetworkIndex): readonly Prefix[] {
  return [network.cidr, ...keyed.flatMap(({ lanSubnets }) => lanSubnets), ...virtualIps.map(({ cidr }) => cidr)]
}
