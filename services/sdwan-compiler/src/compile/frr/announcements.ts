import type { Crossing, Id, Member, Prefix, VirtualIp } from '../../world.ts'
import { speaksBgp } from '../network-facts.ts'
import { holdersOf, isHub, type NetworkIndex, type WorldIndex } from '../world-index.ts'
import { isGateway } from './place.ts'
import { familyOf, longest, lengthOf, type Family } from './text.ts'

/** What a member has to announce inside its network, and nobody else may in its name. */
export type Announcement = {
  readonly prefix: Prefix
  readonly family: Family
  readonly virtualIp: VirtualIp | undefined
}

/**
 * What is behind it, the virtual IPs it holds, and for a hub the whole network where that is wanted. Not its own address: every
 * member has a static route to the whole network, and a route whose next hop is the address it leads to is good for nothing
 * (FRR takes it or leaves it as it happens to come), while 5,000 of them would be sent to each of 5,000.
 */
export function announcedBy(index: WorldIndex, its: NetworkIndex, member: Member): readonly Announcement[] {
  const whole = its.network.advertiseSubnet && isHub(member) ? [its.network.cidr] : []
  return [
    ...[...member.lanSubnets, ...whole].map((prefix) => ({ prefix, virtualIp: undefined })),
    ...heldBy(index, its, member).map((virtualIp) => ({ prefix: virtualIp.cidr, virtualIp })),
  ].map((each) => ({ ...each, family: familyOf(each.prefix) }))
}

/** Whether there is anything to be heard from a member, leaks aside: most of 5,000 spokes have nothing to say. */
export const mayAnnounce = (index: WorldIndex, its: NetworkIndex, member: Member): boolean =>
  member.lanSubnets.length > 0 ||
  its.network.podSubnet !== undefined ||
  isHub(member) ||
  heldIn(index, its).has(member.id) ||
  its.crossings.some((crossing) => isGateway(crossing, member))

/** Virtual IPs that a member holds now. */
export const heldBy = (index: WorldIndex, its: NetworkIndex, { id }: Member): readonly VirtualIp[] =>
  heldIn(index, its).get(id) ?? []

const held = new WeakMap<NetworkIndex, ReadonlyMap<Id, readonly VirtualIp[]>>()

/** Virtual IPs of the network by the member that holds them now. */
function heldIn(index: WorldIndex, its: NetworkIndex): ReadonlyMap<Id, readonly VirtualIp[]> {
  const known = held.get(its)
  if (known) return known
  const pairs = its.virtualIps.flatMap((each) => holdersOf(index, each).map(({ id }) => ({ id, each })))
  const byHolder = Map.groupBy(pairs, ({ id }) => id)
  const lists = new Map([...byHolder].map(([id, list]) => [id, list.map(({ each }) => each)]))
  held.set(its, lists)
  return lists
}

/** The prefix of which a node may have parts as its own, known on the node alone: whoever has one announces it. */
export function podsOf({ network }: NetworkIndex, family: Family): readonly Prefix[] {
  const pods = network.podSubnet
  return pods !== undefined && familyOf(pods) === family && lengthOf(pods) < longest(family) ? [pods] : []
}

/**
 * What the gateway originates for a peer: prefixes that no member announces as they stand. One that a member does announce is
 * passed on as it was learnt, and gone when that member is gone; originated here, it would hide the road to it.
 */
export function originatedFor(index: WorldIndex, its: NetworkIndex, { advertised }: Crossing): readonly Prefix[] {
  const wanted = new Set(advertised)
  if (!speaksBgp(index, its)) return [...wanted]
  if (its.network.advertiseSubnet && its.hubs.length > 0) wanted.delete(its.network.cidr)
  for (const { lanSubnets } of its.keyed) for (const prefix of lanSubnets) wanted.delete(prefix)
  for (const [, list] of heldIn(index, its)) for (const { cidr } of list) wanted.delete(cidr)
  return [...wanted]
}
