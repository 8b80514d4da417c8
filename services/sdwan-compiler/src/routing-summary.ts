import { canonicalCidr, cidrHolds } from '@powernode/policy'
import type { ReportNodeRequest } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import type { Network } from './network.ts'
import type { Id, Prefix } from './world.ts'

/** What an agent reported, and whether its node carries what it is to carry. */
export type Reported = { readonly nodeId: Id; readonly report: ReportNodeRequest; readonly at: Date }

export type Route = { prefix: string; source: string; nextHop: string; measured: boolean; nodeInstanceIds: string[]; asPath: string } // prettier-ignore

/**
 * The routes of a network: those that agents found in a node's BGP or kernel table are measured; the others are only intended.
 * Where nobody could read a table, nothing is measured: an empty table and no answer are not the same.
 */
export function routingSummaryOf(
  network: Network,
  networkId: Id,
  reports: readonly Reported[],
): { routes: readonly Route[]; measuredAt: Date | undefined } {
  // prettier-ignore
  const nodeIds = new Set(network.world.members.flatMap((member) => (member.networkId === networkId ? [member.nodeId] : [])))
  const here = reports.filter(({ nodeId }) => nodeIds.has(nodeId))
  const sources = sourcesOf(network, networkId)
  const found = new Map<string, Route>()
  for (const one of here) for (const route of measuredBy(network, networkId, one)) put(found, route, sources)
  for (const [prefix, source] of sources)
    if (![...found.values()].some((route) => route.prefix === prefix)) found.set(prefix, { prefix, source, nextHop: '', measured: false, nodeInstanceIds: [], asPath: '' }) // prettier-ignore
  const moments = here
    .filter(({ report }) => report.bgpMeasured || report.appliedVersion !== '')
    .map(({ at }) => at.getTime())
  return {
    routes: [...found.values()].toSorted((a, b) =>
      a.prefix < b.prefix ? -1 : a.prefix > b.prefix ? 1 : a.nextHop < b.nextHop ? -1 : 1,
    ),
    measuredAt: moments.length > 0 ? new Date(Math.max(...moments)) : undefined,
  }
}

type Measured = Pick<Route, 'prefix' | 'nextHop' | 'asPath'> & { readonly nodeId: Id; readonly source?: string }

function put(
  found: Map<string, Route>,
  { prefix, nextHop, asPath, nodeId, source }: Measured,
  sources: ReadonlyMap<Prefix, string>,
): void {
  // prettier-ignore
  const whose = source ?? sources.get(prefix) ?? [...sources].find(([known]) => cidrHolds(known, prefix))?.[1]
  if (whose === undefined) return // of another network on the same node
  const key = `${prefix} ${nextHop} ${asPath}`
  const before = found.get(key)
  if (before) before.nodeInstanceIds = [...new Set([...before.nodeInstanceIds, nodeId])].toSorted()
  else found.set(key, { prefix, source: whose, nextHop, measured: true, nodeInstanceIds: [nodeId], asPath })
}

/** What one node has: its BGP table, and its kernel's as far as the agent keeps it equal to what was applied. */
function measuredBy({ plan, intent }: Network, networkId: Id, { nodeId, report }: Reported): readonly Measured[] {
  const node = plan.nodes.get(nodeId)
  const ours = (node?.interfaces ?? []).filter(({ owner }) =>
    owner.kind === 'member' ? intent.member.get(owner.memberId)?.networkId === networkId : true,
  )
  const vrfs = new Set(ours.map(({ vrfName }) => vrfName ?? ''))
  const bgp = report.bgpMeasured ? report.bgpRoutes.filter(({ best, vrfName }) => best && vrfs.has(vrfName)) : []
  const inBgp = bgp.flatMap(({ prefix, nextHop, asPath }) => {
    const canonical = canonicalCidr(prefix)
    return canonical === undefined ? [] : [{ prefix: canonical, nextHop, asPath, nodeId }]
  })
  const isCarried = node !== undefined && report.appliedVersion === node.version && report.backEnds.some(({ name, status }) => name === 'routes' && status === 'applied') // prettier-ignore
  const inKernel = isCarried ? ours.flatMap(({ name, routes }) => routes.map(({ prefix, source }) => ({ prefix, nextHop: name, asPath: '', nodeId, source }))) : [] // prettier-ignore
  return [...inBgp, ...inKernel]
}

/** Whose every prefix is that the network is meant to reach; the longest of those that hold one another decides. */
function sourcesOf({ world }: Network, networkId: Id): ReadonlyMap<Prefix, string> {
  const network = world.networks.find(({ id }) => id === networkId)
  const members = world.members.filter((member) => member.networkId === networkId)
  const leaks = world.routeLeaks.flatMap(({ id, sourceNetworkId, destNetworkId, bidirectional }) => {
    const from = destNetworkId === networkId ? sourceNetworkId : bidirectional && sourceNetworkId === networkId ? destNetworkId : undefined // prettier-ignore
    const cidr = world.networks.find((other) => other.id === from)?.cidr
    return cidr === undefined ? [] : [[cidr, `leak:${id}`] as const]
  })
  const all = [
    ...members.flatMap(({ id, address, lanSubnets }) => [`${address}/128`, ...lanSubnets].map((prefix) => [prefix, `member:${id}`] as const)), // prettier-ignore
    ...world.virtualIps
      .filter((one) => one.networkId === networkId)
      .map(({ id, cidr }) => [cidr, `virtual_ip:${id}`] as const),
    ...world.crossings.filter((one) => one.networkId === networkId).flatMap(({ peerId, accepted }) => accepted.map((prefix) => [prefix, `federation:${peerId}`] as const)), // prettier-ignore
    ...(network ? [[network.cidr, `network:${networkId}`] as const] : []),
    ...(network?.podSubnet ? [[network.podSubnet, `network:${networkId}`] as const] : []),
    ...leaks,
  ]
  const longest = ([prefix]: readonly [string, string]): number => Number(prefix.split('/')[1])
  return new Map(all.toSorted((a, b) => longest(b) - longest(a)))
}
