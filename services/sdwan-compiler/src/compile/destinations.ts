import type { Crossing, Id, Member, Prefix } from '../world.ts'
import { flowsInto, leakedInto } from './leaked.ts'
import { kept } from './memo.ts'
import { holdersOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

/** A prefix that lies behind members: the first of them has it, the others take it over from one another. */
export type Destination = {
  readonly prefix: Prefix
  /** Keyed, and never empty. */
  readonly behind: readonly Member[]
  /** Where it comes from, as a route says it: `member:<id>`, `virtual_ip:<id>`, `leak:<id>` or `federation:<peer id>`. */
  readonly source: string
}

/**
 * What can be reached in a network beside the members' own addresses: LANs, virtual IPs, and what federation peers gave
 * us, and what leaks in from another network. By prefix, each once: the first to name one has it (PREFIX_OVERLAP says so to whoever wrote the second).
 */
export function destinationsOf(index: WorldIndex, its: NetworkIndex): Destination[] {
  const { keyed, virtualIps, crossings } = its
  const found = new Map<Prefix, Destination>()
  const add = (destination: Destination): void => {
    if (destination.behind.length > 0 && !found.has(destination.prefix)) found.set(destination.prefix, destination)
  }
  for (const member of keyed) {
    for (const prefix of member.lanSubnets) add({ prefix, behind: [member], source: `member:${member.id}` })
  }
  for (const virtualIp of virtualIps) {
    add({ prefix: virtualIp.cidr, behind: holdersOf(index, virtualIp), source: `virtual_ip:${virtualIp.id}` })
  }
  for (const crossing of crossings) {
    const behind = gatewaysOf(index, crossing)
    // A road whose other end is not known yet leads nowhere.
    if (crossing.remote.length === 0) continue
    for (const prefix of crossing.accepted) add({ prefix, behind, source: `federation:${crossing.peerId}` })
  }
  for (const leaked of leakedInto(index, its)) add(leaked)
  return [...found.values()].toSorted((a, b) => (a.prefix < b.prefix ? -1 : 1))
}

const known = new WeakMap<WorldIndex, Map<Id, readonly Destination[]>>()

/** What leaks into a network and is there under no other name: asked for on every node that is in it. */
export function leakedIn(index: WorldIndex, its: NetworkIndex): readonly Destination[] {
  if (flowsInto(index, its).length === 0) return []
  const lists = known.get(index) ?? new Map<Id, readonly Destination[]>()
  known.set(index, lists)
  const before = lists.get(its.network.id)
  const list = before ?? destinationsOf(index, its).filter(({ source }) => source.startsWith('leak:'))
  lists.set(its.network.id, list)
  return list
}

/** Our ends of a crossing that are there and have a key, in order of preference. */
export function gatewaysOf(index: WorldIndex, crossing: Crossing): readonly Member[] {
  return crossing.gateways
    .map(({ memberId }) => index.members.get(memberId))
    .filter((member) => member?.networkId === crossing.networkId && member.publicKey !== undefined)
    .filter((member) => member !== undefined)
}

/** Destinations as they were before, one by one and as a list, wherever they are the same. */
export function keptDestinations(
  before: readonly Destination[] | undefined,
  now: Destination[],
): readonly Destination[] {
  const known = new Map((before ?? []).map((destination) => [destination.prefix, destination]))
  const each = now.map((destination) => {
    const same = known.get(destination.prefix)
    const isKept = same?.source === destination.source && kept(same.behind, destination.behind) === same.behind
    return isKept && same ? same : destination
  })
  return kept(before, each)
}

/**
 * Whether only the first of those behind whom it lies has it, for as long as that one lives: beyond a crossing the other side takes
 * packets from nobody else, and in the network that routes leak from so do all.
 */
export const isFirstAlone = ({ source }: Destination): boolean =>
  source.startsWith('federation:') || source.startsWith('leak:')

/** What each member has itself, which is never sent into its own tunnel. */
export function ownPrefixes(destinations: readonly Destination[]): ReadonlyMap<Id, ReadonlySet<Prefix>> {
  const own = new Map<Id, Set<Prefix>>()
  for (const destination of destinations) {
    const { prefix, behind } = destination
    for (const { id } of isFirstAlone(destination) ? behind.slice(0, 1) : behind) {
      own.set(id, (own.get(id) ?? new Set()).add(prefix))
    }
  }
  return own
}
