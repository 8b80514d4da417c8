import type { Id, RouteLeak } from '../../world.ts'
import { isId, isPrefix } from '../alphabets.ts'
import type { WorldIndex } from '../world-index.ts'
import { short, type Marks } from './marks.ts'
import type { Speaker } from './place.ts'
import { deny, largeCommunityList, permit, prefixList, routeMap, type Clause, type Script } from './script.ts'
import { digit, FAMILIES, familyOf, within, type Family } from './text.ts'

/** One direction of a leak. */
export type Flow = { readonly id: Id; readonly from: Id; readonly to: Id; readonly filter: RouteLeak['filter'] }

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

/** Every direction in which routes leak into a network, by the leak's id. */
export function flowsInto(index: WorldIndex, networkId: Id): readonly Flow[] {
  return index.routeLeaks
    .filter((each) => whyUnreadable(each) === undefined)
    .flatMap(({ id, sourceNetworkId, destNetworkId, bidirectional, filter }) => [
      ...(destNetworkId === networkId ? [{ id, from: sourceNetworkId, to: networkId, filter }] : []),
      ...(bidirectional && sourceNetworkId === networkId ? [{ id, from: destNetworkId, to: networkId, filter }] : []),
    ])
}

/**
 * What of a leak's source passes, as a condition of a route-map: denied prefixes first, with all inside; without a filter everything
 * of that family. Undefined where nothing of the family can pass.
 */
export function filterLines(
  script: Script,
  { id, filter }: Pick<Flow, 'id' | 'filter'>,
  family: Family,
): string[] | undefined {
  const of = (action: 'permit' | 'deny') =>
    filter.filter((each) => each.action === action && familyOf(each.cidr) === family)
  if (filter.length === 0) return []
  if (of('permit').length === 0) return undefined
  const entries = [...of('deny'), ...of('permit')].map(({ action, cidr }) => `${action} ${within(cidr, family)}`)
  return [prefixList(script, family, `leak-${short(id)}`, entries)]
}

/** What a leak without a filter can bring: prefixes of its source. Undefined where there are none of the family. */
export function sourceLines(
  index: WorldIndex,
  script: Script,
  { flow, family }: { readonly flow: Flow; readonly family: Family },
): string[] | undefined {
  const its = index.networks.get(flow.from)
  if (!its) return undefined
  const { network, keyed, virtualIps, crossings } = its
  const pods = network.podSubnet === undefined ? [] : [network.podSubnet]
  const inside = [network.cidr, ...pods, ...keyed.flatMap(({ lanSubnets }) => lanSubnets)]
  const all = [...inside, ...virtualIps.map(({ cidr }) => cidr), ...crossings.flatMap(({ accepted }) => accepted)]
  const known = all.filter((prefix) => familyOf(prefix) === family)
  if (known.length === 0) return undefined
  return [
    prefixList(
      script,
      family,
      `all-${short(flow.from)}`,
      known.map((prefix) => `permit ${within(prefix, family)}`),
    ),
  ]
}

/** Lines of the router of one table, for routes that come in from other tables of the same node. */
export function importLines(
  { index, script, marks }: { readonly index: WorldIndex; readonly script: Script; readonly marks: Marks },
  into: readonly Speaker[],
  all: readonly Speaker[],
): Readonly<Record<Family, readonly string[]>> {
  const flows = into.filter(({ inside }) => inside).flatMap(({ its }) => flowsInto(index, its.network.id))
  const vrfName = into[0]?.vrfName
  const open = flows.flatMap((flow) => {
    const source = all.find(({ its, inside }) => inside && its.network.id === flow.from)
    return source && source.vrfName !== vrfName ? [{ flow, vrf: source.vrfName ?? 'default' }] : []
  })
  if (open.length === 0) return { ipv4: [], ipv6: [] }
  const onlyOnce = deny(largeCommunityList(script, 'leaked', [marks.leaked]))
  const vrfs = [...new Set(open.map(({ vrf }) => vrf))].toSorted()
  const lines = FAMILIES.map((family): [Family, readonly string[]] => {
    const clauses = open.flatMap(({ flow, vrf }) => passing(script, marks, { flow, vrf, family }))
    const name = routeMap(script, `leak-into-${vrfName ?? 'default'}-${digit(family)}`, [onlyOnce, ...clauses])
    return [family, [`import vrf route-map ${name}`, ...vrfs.map((vrf) => `import vrf ${vrf}`)]]
  })
  return Object.fromEntries(lines) as Record<Family, readonly string[]>
}

/** Whether routes of a member's network leak into another table of its node. */
export const leaksOut = (index: WorldIndex, speaker: Speaker, all: readonly Speaker[]): boolean =>
  speaker.inside &&
  all.some(
    ({ its, vrfName, inside }) =>
      inside &&
      vrfName !== speaker.vrfName &&
      flowsInto(index, its.network.id).some(({ from }) => from === speaker.its.network.id),
  )

function passing(
  script: Script,
  marks: Marks,
  { flow, vrf, family }: { readonly flow: Flow; readonly vrf: string; readonly family: Family },
): Clause[] {
  const filter = filterLines(script, flow, family)
  if (!filter) return []
  const ofSource = largeCommunityList(script, `all-${short(flow.from)}`, [marks.network(flow.from), marks.whole])
  const become = `set large-community ${marks.network(flow.to)} ${marks.leaked}`
  return [permit(`match source-vrf ${vrf}`, ofSource, ...filter, become)]
}
