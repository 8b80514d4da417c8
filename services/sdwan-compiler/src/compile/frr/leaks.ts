import type { Prefix } from '../../world.ts'
import { leakedIn } from '../destinations.ts'
import { deniedIn, flowsInto, passes, type Flow } from '../leaked.ts'
import { interfaceName } from '../names.ts'
import { compared } from '../compared.ts'
import { type WorldIndex } from '../world-index.ts'
import { heldBy } from './announcements.ts'
import type { Desk } from './inside.ts'
import { short } from './marks.ts'
import type { Speaker } from './place.ts'
import { permit, routeMap } from './script.ts'
import { familyOf, TOOL, type Family } from './text.ts'

/** After every route that BGP brings: whoever is not the first to carry a leak goes by the one who is, for as long as that lives. */
const LAST_DISTANCE = 220

/** Those who carry a leak are preferred in their order, as tunnels prefer them. */
export const leakPreference = (index: WorldIndex, rank: number): string =>
  `set local-preference ${Math.max(index.world.platform.bgp.defaultLocalPref - rank, 0)}`

type Into = { readonly speaker: Speaker; readonly all: readonly Speaker[] }

/**
 * Routes of one table that lead into another of the same node, as lines of staticd; `all` is everybody on the node.
 *
 * They are written down. What bgpd takes over by `import vrf` leads by the interface in FRR 8.4.4, and is lost where the node itself is
 * meant; later by the table's device (github.com/FRRouting/frr/pull/15255), and where that is the main table's, packets have been
 * seen to go in circles (github.com/FRRouting/frr/issues/15909). So what the node has itself is looked for in its own table, by that
 * one's device, and all else leads by the tunnel.
 */
export function roadLines({ index }: Desk, into: Into): readonly string[] {
  const there = carried(index, into)
  const roads = [...there, ...ownAddresses(index, into)].map(
    ({ prefix, device, table }) => `${routeTo(prefix)} ${device} ${LAST_DISTANCE} nexthop-vrf ${table}`,
  )
  const ends = there.flatMap(({ denied }) => denied).map((prefix) => `${routeTo(prefix)} reject ${LAST_DISTANCE}`)
  return [...new Set([...roads, ...ends])].toSorted(compared)
}

const routeTo = (prefix: Prefix): string => `${TOOL[familyOf(prefix)]} route ${prefix}`

/** The same as BGP tells it to the others of the network. */
export function leakedLines(desk: Desk, into: Into, family: Family): readonly string[] {
  const { index, marks, script } = desk
  const { its, member } = into.speaker
  const map = (rank: number): string =>
    routeMap(script, `leak-${short(member.id)}-${rank + 1}`, [
      // Without the weight, what a node says itself would go before all that it hears.
      permit(`set large-community ${marks.network(its.network.id)}`, leakPreference(index, rank), 'set weight 0'),
    ])
  return carried(index, into)
    .filter(({ prefix }) => familyOf(prefix) === family)
    .map(({ prefix, rank }) => `network ${prefix} route-map ${map(rank)}`)
}

type Road = { readonly prefix: Prefix; readonly device: string; readonly table: string }

/** With its place among those who carry it, and what the leak's filter denies inside of it, which would go along. */
type Carried = Road & { readonly rank: number; readonly denied: readonly Prefix[] }

/** What this node carries into a network of its. What it has itself in the main table has no device that leads there. */
function carried(index: WorldIndex, { speaker, all }: Into): readonly Carried[] {
  const { its, member, inside } = speaker
  if (!inside) return []
  const flows = flowsInto(index, its)
  return leakedIn(index, its).flatMap(({ prefix, behind, source: name }) => {
    const rank = behind.findIndex(({ id }) => id === member.id)
    const flow = flows.find(({ id }) => name === `leak:${id}`)
    const source = rank < 0 ? undefined : sourceOf(flow, all)
    if (!source || !flow) return []
    const isOwn = source.member.lanSubnets.includes(prefix) || addressesOf(index, source).includes(prefix)
    const device = isOwn ? source.vrfName : interfaceName(source.member.id)
    const denied = deniedIn(flow.filter, prefix)
    return device === undefined ? [] : [{ prefix, device, table: source.vrfName ?? 'default', rank, denied }]
  })
}

/** Addresses of the node itself in the networks that it carries from: by the tunnels of those they would be lost. */
function ownAddresses(index: WorldIndex, { speaker: { its, member, inside }, all }: Into): readonly Road[] {
  const carries = inside && leakedIn(index, its).some(({ behind }) => behind.some(({ id }) => id === member.id))
  return (carries ? flowsInto(index, its) : []).flatMap((flow) => {
    const source = sourceOf(flow, all)
    const table = source?.vrfName
    const own = source ? addressesOf(index, source).filter((prefix) => passes(flow.filter, prefix)) : []
    return table === undefined ? [] : own.map((prefix): Road => ({ prefix, device: table, table }))
  })
}

const sourceOf = (flow: Flow | undefined, all: readonly Speaker[]): Speaker | undefined =>
  all.find(({ its, inside }) => inside && its.network.id === flow?.from)

const addressesOf = (index: WorldIndex, { its, member }: Speaker): readonly Prefix[] => [
  `${member.address}/128`,
  ...heldBy(index, its, member).map(({ cidr }) => cidr),
]
