import type { Member, RoutePolicy } from '../../world.ts'
import { leakedIn } from '../destinations.ts'
import type { NetworkIndex, WorldIndex } from '../world-index.ts'
import { announcedBy, mayAnnounce, podsOf } from './announcements.ts'
import { leakPreference } from './leaks.ts'
import { short, type Marks } from './marks.ts'
import { isGateway, type Speaker } from './place.ts'
import { policiesFor, policyMaps } from './policies.ts'
import { largeCommunityList, narrowed, permit, prefixList, routeMap, type Clause, type Script } from './script.ts'
import { sessionsOf } from './sessions.ts'
import { digit, FAMILIES, familyOf, within, type Family } from './text.ts'

/** What everything of one node is made with. */
export type Desk = {
  readonly index: WorldIndex
  readonly asNumber: number
  readonly marks: Marks
  readonly script: Script
}

/** Lines of a router: what it is in both families, and in each. */
export type RouterLines = {
  readonly session: readonly string[]
  readonly families: Readonly<Record<Family, readonly string[]>>
}

/**
 * iBGP of one member. From clients, and from everybody in a mesh without reflectors, only what is their own is taken, and marked as
 * such; from a reflector what bears the network's mark. What leaves is what bears it: of two networks in one table neither hears
 * of the other.
 */
export function insideLines(desk: Desk, speaker: Speaker): RouterLines {
  const { its, member } = speaker
  const sessions = sessionsOf(its, member)
  const direct = [...sessions.clients, ...sessions.others]
  const group = { direct: `direct-${short(its.network.id)}`, passing: `reflectors-${short(its.network.id)}` }
  const imports = policiesFor(desk.index, member, 'import')
  const carriers = leakedIn(desk.index, its).flatMap(({ behind }) => behind)
  const speaking = direct.filter((each) => carriers.includes(each) || mayAnnounce(desk.index, its, each))
  const learnt = speaking.map((each) => learntFrom(desk, speaker, { neighbor: each, imports }))
  const family = (family: Family): string[] => [
    ...(direct.length > 0 ? groupLines(desk, speaker, { family, name: group.direct, client: sessions.reflects }) : []),
    ...(direct.length > 0 ? [`neighbor ${group.direct} route-map ${nothing(desk.script)} in`] : []),
    ...(sessions.reflectors.length > 0
      ? groupLines(desk, speaker, { family, name: group.passing, client: false })
      : []),
    ...learnt.flatMap((each) => each[family]),
    ...sessions.reflectors.map((each) => passedOnBy(desk, speaker, { neighbor: each, imports, family })),
  ]
  return {
    session: [
      ...(direct.length > 0 ? groupSession(desk, member, group.direct) : []),
      ...(sessions.reflectors.length > 0 ? groupSession(desk, member, group.passing) : []),
      ...direct.flatMap((each) => neighborSession(each, group.direct)),
      ...sessions.reflectors.flatMap((each) => neighborSession(each, group.passing)),
    ],
    families: { ipv4: family('ipv4'), ipv6: family('ipv6') },
  }
}

/** IPv4 routes have IPv6 next hops (RFC 8950): members have no other address. */
const groupSession = ({ asNumber }: Desk, { address }: Member, name: string): string[] => [
  `neighbor ${name} peer-group`,
  `neighbor ${name} remote-as ${asNumber}`,
  `neighbor ${name} update-source ${address}`,
  `neighbor ${name} timers connect 5`,
  `neighbor ${name} capability extended-nexthop`,
]

const neighborSession = ({ id, address }: Member, group: string): string[] => [
  `neighbor ${address} peer-group ${group}`,
  `neighbor ${address} description member/${id}`,
]

/** An AS path may bear our own number: a policy has prepended it. Loops inside are prevented by originator and cluster list. */
function groupLines(
  desk: Desk,
  { its, member }: Speaker,
  { family, name, client }: { readonly family: Family; readonly name: string; readonly client: boolean },
): string[] {
  const { index, script, marks } = desk
  const exports = policiesFor(index, member, 'export')
  const maps = policyMaps(script, exports, { ...desk, family, neighbor: undefined, prepends: isOwn(member) })
  const ours = largeCommunityList(script, `net-${short(its.network.id)}`, [marks.network(its.network.id)])
  const out = routeMap(script, `out-${short(its.network.id)}-${digit(family)}`, narrowed([permit(ours)], maps))
  return [
    `neighbor ${name} activate`,
    ...(client ? [`neighbor ${name} route-reflector-client`] : []),
    `neighbor ${name} next-hop-self`,
    `neighbor ${name} allowas-in 10`,
    `neighbor ${name} route-map ${out} out`,
  ]
}

const nothing = (script: Script): string => routeMap(script, 'nothing', [])

const isOwn =
  ({ id }: Member) =>
  ({ scope }: RoutePolicy): boolean =>
    scope.kind === 'member' && scope.id === id

type Said = { readonly neighbor: Member; readonly imports: readonly RoutePolicy[] }

/** What a neighbor may announce: its own, what crosses the border at it, and what leaks in on its node. */
function learntFrom(desk: Desk, speaker: Speaker, said: Said): Readonly<Record<Family, readonly string[]>> {
  const lines = FAMILIES.map((family): [Family, readonly string[]] => {
    const clauses = acceptable(desk, speaker, { ...said, family })
    if (clauses.length === 0) return [family, []]
    const place = { ...desk, family, neighbor: said.neighbor.id, prepends: () => true }
    const maps = policyMaps(desk.script, said.imports, place)
    const name = routeMap(desk.script, `in-${short(said.neighbor.id)}-${digit(family)}`, narrowed(clauses, maps))
    return [family, [`neighbor ${said.neighbor.address} route-map ${name} in`]]
  })
  return Object.fromEntries(lines) as Record<Family, readonly string[]>
}

function acceptable(
  { index, script, marks }: Desk,
  { its }: Speaker,
  { neighbor, family }: Said & { readonly family: Family },
): readonly Clause[] {
  const network = marks.network(its.network.id)
  const own = announcedBy(index, its, neighbor).filter((each) => each.family === family)
  const pods = podsOf(its, family).map((prefix) => `permit ${within(prefix, family)}`)
  const entries = [...own.map(({ prefix }) => `permit ${prefix}`), ...pods]
  const crossings = family === 'ipv6' ? its.crossings.filter((each) => isGateway(each, neighbor)) : []
  return [
    ...(entries.length > 0
      ? [
          permit(
            prefixList(script, family, `from-${short(neighbor.id)}`, entries),
            `set large-community ${network} ${marks.origin(neighbor.id)}`,
          ),
        ]
      : []),
    ...crossings.map(({ peerId, accepted }) =>
      permit(crossingList(script, peerId, accepted), `set large-community ${network} ${marks.origin(peerId)}`),
    ),
    ...leakClauses({ index, script }, its, { neighbor, family, network }),
  ]
}

/** What leaks in on the neighbor's node, with its place among those who carry that. */
function leakClauses(
  { index, script }: Pick<Desk, 'index' | 'script'>,
  its: NetworkIndex,
  { neighbor, family, network }: { readonly neighbor: Member; readonly family: Family; readonly network: string },
): readonly Clause[] {
  const carried = leakedIn(index, its).filter(({ prefix, behind }) => familyOf(prefix) === family && behind.includes(neighbor)) // prettier-ignore
  const byRank = Map.groupBy(carried, ({ behind }) => behind.indexOf(neighbor))
  return [...byRank].map(([rank, leaked]) => {
    const entries = leaked.map(({ prefix }) => `permit ${prefix}`)
    const list = prefixList(script, family, `leak-${short(neighbor.id)}-${rank + 1}`, entries)
    return permit(list, `set large-community ${network}`, leakPreference(index, rank))
  })
}

/** Everything inside what a peer advertises and we accepted. */
export function crossingList(script: Script, peerId: string, accepted: readonly string[]): string {
  const entries = accepted.map((prefix) => `permit ${within(prefix, 'ipv6')}`)
  return prefixList(script, 'ipv6', `cross-${short(peerId)}`, entries)
}

function passedOnBy(
  desk: Desk,
  { its, member }: Speaker,
  {
    neighbor,
    imports,
    family,
  }: { readonly neighbor: Member; readonly imports: readonly RoutePolicy[]; readonly family: Family },
): string {
  const { script, marks } = desk
  const ours = largeCommunityList(script, `net-${short(its.network.id)}`, [marks.network(its.network.id)])
  const place = { ...desk, family, neighbor: neighbor.id, prepends: isOwn(member) }
  const clauses = narrowed([permit(ours)], policyMaps(script, imports, place))
  const name = routeMap(script, `in-${short(neighbor.id)}-${digit(family)}`, clauses)
  return `neighbor ${neighbor.address} route-map ${name} in`
}
