import type { StaticRoute } from '../plan.ts'
import type { Crossing, Id, Member, Prefix } from '../world.ts'
import { destinationsOf, keptDestinations, ownPrefixes, type Destination } from './destinations.ts'
import { carriersIn, leakingWith } from './leaked.ts'
import { kept } from './memo.ts'
import { namesOf, type MemberNames } from './names.ts'
import { isHub, type NetworkIndex, type WorldIndex } from './world-index.ts'
import { Preferences } from './wireguard/preference.ts'

/** What is asked of a network again and again while it is compiled, found once. */
export type NetworkFacts = {
  readonly index: WorldIndex
  readonly its: NetworkIndex
  readonly destinations: readonly Destination[]
  readonly own: ReadonlyMap<Id, ReadonlySet<Prefix>>
  /** Routes of somebody without prefixes of his own: the network, and unless BGP brings them, the destinations. */
  readonly routes: readonly StaticRoute[]
  readonly sessions: boolean
  /** The networks that routes leak to or from. */
  readonly leaks: readonly Id[]
  /** Who carries that. */
  readonly carriers: readonly Id[]
  /** The hubs of a spoke of hub_and_spoke; the first is the one that it uses. */
  readonly orderOf: (spokeId: Id) => readonly Member[]
  /** The name of a member's interface, and where it is asked for signs of life. */
  readonly namesOf: (memberId: Id) => MemberNames
}

/** Whether nodes of a network speak BGP with one another: with what they learn, they need no static routes. */
export const speaksBgp = ({ world }: WorldIndex, { network }: NetworkIndex): boolean =>
  network.routingProtocol === 'ibgp' && world.platform.bgp.enabled

export const isMesh = ({ network }: NetworkIndex): boolean => network.topology === 'full_mesh'

/**
 * Whoever sees all traffic in a network that concerns it, or at its border, be that a peer's or the one to a network that routes leak
 * from or to: it holds everything to every rule by name.
 */
export const isPrecise = ({ its, carriers }: NetworkFacts, member: Member): boolean =>
  isMesh(its) ||
  isHub(member) ||
  carriers.includes(member.id) ||
  its.crossings.some((crossing) => isGateway(crossing, member))

/** Whether a crossing ends at a member. */
export const isGateway = ({ gateways }: Crossing, { id }: Member): boolean =>
  gateways.some(({ memberId }) => memberId === id)

/** Finds them, and hands on what is the same as the last time. One of these for each network. */
export class FactsFinder {
  #before: NetworkFacts | undefined
  #hubs: readonly Member[] | undefined
  #orders = new Map<Id, readonly Member[]>()
  #preferences = new Preferences([])
  readonly #names = new Map<Id, MemberNames>()

  find(index: WorldIndex, its: NetworkIndex): NetworkFacts {
    const before = this.#before
    const destinations = keptDestinations(before?.destinations, destinationsOf(index, its))
    const sessions = speaksBgp(index, its)
    const isSame = before?.destinations === destinations && before.its.network === its.network
    this.#lookAt(its)
    const facts: NetworkFacts = {
      index,
      its,
      destinations,
      own: before?.destinations === destinations ? before.own : ownPrefixes(destinations),
      routes: isSame && before.sessions === sessions ? before.routes : routesOf(its, sessions ? [] : destinations),
      sessions,
      leaks: kept(before?.leaks, leakingWith(index, its)),
      carriers: kept(before?.carriers, carriersIn(index, its)),
      orderOf: (id) => remembered(this.#orders, id, () => this.#preferences.of(id)),
      namesOf: (id) => remembered(this.#names, id, () => namesOf(id)),
    }
    this.#before = facts
    return facts
  }

  #lookAt({ hubs, members }: NetworkIndex): void {
    // Those who left are forgotten together, when they are as many as those who are there.
    const isCrowded = this.#orders.size > 2 * members.length
    if (isCrowded) this.#names.clear()
    if (this.#hubs !== hubs || isCrowded) this.#orders = new Map()
    if (this.#hubs !== hubs) this.#preferences = new Preferences(hubs)
    this.#hubs = hubs
  }
}

function remembered<T>(known: Map<Id, T>, id: Id, make: () => T): T {
  const before = known.get(id)
  if (before !== undefined) return before
  const value = make()
  known.set(id, value)
  return value
}

function routesOf({ network }: NetworkIndex, destinations: readonly Destination[]): readonly StaticRoute[] {
  const whole = { prefix: network.cidr, metric: 0, source: `network:${network.id}` }
  return [whole, ...destinations.map(({ prefix, source }) => ({ prefix, metric: 0, source }))]
}

/** The routes of one member: all but those to what it has itself. */
export function routesFor({ routes, own }: NetworkFacts, memberId: Id): readonly StaticRoute[] {
  const mine = own.get(memberId)
  return mine ? routes.filter(({ prefix }) => !mine.has(prefix)) : routes
}
