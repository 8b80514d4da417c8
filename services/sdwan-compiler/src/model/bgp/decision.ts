import type { Id } from '../../world.ts'
import type { Net } from '../address.ts'
import { type Told, apply, inPrefix } from './policy.ts'
import type { Neighbor } from './frr-config.ts'
import type { Foreigner, Speaker } from './speaker.ts'

/** A route that a speaker has, and from where: what decides whether it is taken, and to whom it goes on. */
export type Best = {
  readonly route: Told
  /** Says all that distinguishes it, for comparing rounds. */
  readonly told: string
  readonly from: 'local' | 'ibgp' | 'ebgp'
  readonly nextHop: string
  /** The neighbor's address; empty for one's own. */
  readonly peer: string
  readonly ofClient: boolean
  readonly originator: string
  readonly clusters: readonly string[]
  /** The federation peer that it comes from in the end. */
  readonly peerId: Id | undefined
}

const DEFAULT_PREFERENCE = 100
/** Of what a router says itself, where its route-map gives no other (BGP_ATTR_DEFAULT_WEIGHT). */
const OWN_WEIGHT = 32_768

/** What a speaker says on its own account, by its route-map; a `network` line without one says it plainly. */
export type Statement = { readonly net: Net; readonly map: string | undefined }

export function originated(speaker: Speaker, { net, map }: Statement): Best | undefined {
  const plain: Told = {
    net,
    nextHop: undefined,
    weight: OWN_WEIGHT,
    localPref: DEFAULT_PREFERENCE,
    med: 0,
    asPath: [],
    communities: new Set(),
    large: new Set(),
  }
  const asked = { told: plain, peer: '', ownAs: speaker.router.as }
  const route = map === undefined ? plain : apply(speaker.config.policies, map, asked)
  const [own = ''] = speaker.addresses
  return route && best(route, { from: 'local', nextHop: own, originator: speaker.router.routerId })
}

/** What goes out to a neighbor; undefined where nothing may. */
export function exported(speaker: Speaker, to: Neighbor, its: Best): Best | undefined {
  const family = to.families.get(its.route.net.family)
  if (!family?.active) return undefined
  const internal = to.remoteAs === speaker.router.as
  if (internal && its.from === 'ibgp' && !its.ofClient && !family.client) return undefined
  const route = filtered(speaker, { neighbor: to, direction: 'out', route: its.route })
  if (!route) return undefined
  const own = to.source ?? speaker.addresses[0] ?? ''
  // Without `force`, what is reflected keeps its next hop.
  const self = !internal || its.from === 'local' || (its.from === 'ebgp' && family.nextHopSelf)
  return {
    ...its,
    route: internal ? route : { ...route, asPath: [speaker.router.as, ...route.asPath], localPref: DEFAULT_PREFERENCE },
    nextHop: self ? own : its.nextHop,
    clusters: internal && its.from === 'ibgp' ? [speaker.router.routerId, ...its.clusters] : its.clusters,
  }
}

type Heard = { readonly sent: Best; readonly from: Speaker } | { readonly foreigner: Foreigner; readonly net: Net }

/** What a speaker makes of a route that it hears of a neighbor. */
export function imported(speaker: Speaker, by: Neighbor, heard: Heard): Best | undefined {
  if ('foreigner' in heard) return fromAbroad(speaker, by, heard)
  const { sent, from } = heard
  const own = speaker.router.routerId
  if (!by.families.get(sent.route.net.family)?.active) return undefined
  if (sent.originator === own || sent.clusters.includes(own)) return undefined
  const internal = by.remoteAs === speaker.router.as
  if (!internal && sent.route.asPath.includes(speaker.router.as)) return undefined
  const route = filtered(speaker, { neighbor: by, direction: 'in', route: { ...sent.route, weight: 0 } })
  const ofClient = by.families.get(sent.route.net.family)?.client === true
  const originator = internal ? sent.originator : from.router.routerId
  return route && best(route, { ...sent, from: internal ? 'ibgp' : 'ebgp', peer: by.address, ofClient, originator })
}

function fromAbroad(
  speaker: Speaker,
  by: Neighbor,
  { foreigner, net }: { foreigner: Foreigner; net: Net },
): Best | undefined {
  if (!by.families.get(net.family)?.active) return undefined
  const told: Told = {
    net,
    nextHop: foreigner.address,
    weight: 0,
    localPref: DEFAULT_PREFERENCE,
    med: 0,
    asPath: [foreigner.as],
    communities: new Set(),
    large: new Set(),
  }
  const route = filtered(speaker, { neighbor: by, direction: 'in', route: told })
  const { peerId } = foreigner.crossing
  const where = {
    from: 'ebgp',
    nextHop: foreigner.address,
    peer: foreigner.address,
    originator: foreigner.address,
  } as const
  return route && best(route, { ...where, peerId })
}

function filtered(
  speaker: Speaker,
  { neighbor, direction, route }: { neighbor: Neighbor; direction: 'in' | 'out'; route: Told },
): Told | undefined {
  const { policies } = speaker.config
  const filters = neighbor.families.get(route.net.family)?.filters
  const list = filters?.get(`prefix-list ${direction}`)
  if (list !== undefined) {
    const lines = policies.lists.get(`${route.net.family === 4 ? 'ip' : 'ipv6'} prefix-list ${list}`) ?? []
    if (lines.find(({ text }) => inPrefix(text, route.net))?.permit !== true) return undefined
  }
  const map = filters?.get(`route-map ${direction}`)
  if (map !== undefined) return apply(policies, map, { told: route, peer: neighbor.address, ownAs: speaker.router.as })
  // RFC 8212, which bgpd follows unless it is told otherwise: without a policy nothing crosses a border.
  return neighbor.remoteAs === speaker.router.as || list !== undefined ? route : undefined
}

function best(route: Told, its: Pick<Best, 'from' | 'nextHop' | 'originator'> & Partial<Best>): Best {
  const { from, nextHop, originator, peer = '', ofClient = false, clusters = [], peerId } = its
  const marks = [...route.communities, ...route.large].toSorted()
  const told = `${route.weight} ${route.localPref} ${route.med} ${route.asPath.join()} ${marks.join()} ${clusters.join()}`
  return { route, told, from, nextHop, originator, peer, ofClient, clusters, peerId }
}

/** RFC 4271 9.1.2.2, with FRR's weight first, and with one's own before others' of the same preference. */
export function better(one: Best, other: Best): boolean {
  const order = [
    other.route.weight - one.route.weight,
    other.route.localPref - one.route.localPref,
    own(other) - own(one),
    one.route.asPath.length - other.route.asPath.length,
    one.route.med - other.route.med,
    rank(one) - rank(other),
    one.clusters.length - other.clusters.length,
  ].find((difference) => difference !== 0)
  return order === undefined ? one.originator + one.peer <= other.originator + other.peer : order < 0
}

function own({ from }: Best): number {
  return from === 'local' ? 1 : 0
}

function rank({ from }: Best): number {
  return from === 'ibgp' ? 1 : 0
}
