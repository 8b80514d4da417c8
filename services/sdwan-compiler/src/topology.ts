import type { Network } from './network.ts'
import type { Crossing, Id, Member } from './world.ts'

type Vertex = { memberId: string; name: string; role: string; address: string; status: string }
type Edge = { from: string; to: string; kind: string; status: string }

/** More edges than anybody can look at are not drawn. */
const MOST_EDGES = 20_000

/** Who is in a network and who speaks with whom, as it is compiled: tunnels, and the BGP sessions inside them. */
export function topologyOf(
  { world, intent }: Network,
  networkId: Id,
  statusOf: (memberId: Id) => string,
): { vertices: Vertex[]; edges: Edge[] } {
  // prettier-ignore
  const network = world.networks.find(({ id }) => id === networkId)
  const members = [...intent.member.values()].filter((member) => member.networkId === networkId).toSorted((a, b) => (a.id < b.id ? -1 : 1)) // prettier-ignore
  const crossings = world.crossings.filter((crossing) => crossing.networkId === networkId)
  const isStar = (network?.topology ?? intent.network.get(networkId)?.topology) === 'hub_and_spoke'
  const vertices = [
    ...members.map(({ id, name, address, publiclyReachable }) => ({ memberId: id, name, role: isStar ? (publiclyReachable ? 'hub' : 'spoke') : 'member', address, status: statusOf(id) })), // prettier-ignore
    ...crossings.map(({ peerId, remote }) => ({ memberId: peerId, name: peerId, role: 'federation_peer', address: remote[0]?.address ?? '', status: remote.length > 0 ? 'active' : 'pending' })), // prettier-ignore
  ]
  if (!network) return { vertices, edges: [] }
  const live = world.members.filter((member) => member.networkId === networkId)
  const withBgp = network.routingProtocol === 'ibgp' && world.platform.bgp.enabled
  const status = (one: Member, other: Member): string => worse(statusOf(one.id), statusOf(other.id))
  const tunnels = pairsIn(live, isStar).map(([one, other]) => ({ from: one.id, to: other.id, kind: 'wireguard', status: status(one, other) })) // prettier-ignore
  const reflecting = live.some(({ publiclyReachable }) => publiclyReachable)
  const sessions = withBgp ? pairsIn(live, isStar || reflecting).map(([one, other]) => ({ from: one.id, to: other.id, kind: 'ibgp', status: status(one, other) })) : [] // prettier-ignore
  return { vertices, edges: [...tunnels, ...sessions, ...crossings.flatMap((crossing) => roadsOf(crossing, statusOf))].slice(0, MOST_EDGES) } // prettier-ignore
}

/** With hubs: each hub with everybody else. Without: each with each. */
function pairsIn(members: readonly Member[], aroundHubs: boolean): readonly (readonly [Member, Member])[] {
  const pairs: (readonly [Member, Member])[] = []
  for (const [at, one] of members.entries()) {
    if (pairs.length > MOST_EDGES) break
    for (const other of members.slice(at + 1))
      if (!aroundHubs || one.publiclyReachable || other.publiclyReachable) pairs.push([one, other])
  }
  return pairs
}

const roadsOf = ({ gateways, peerId, remote }: Crossing, statusOf: (memberId: Id) => string): Edge[] =>
  remote.length === 0
    ? []
    : gateways.flatMap(({ memberId }) =>
        ['wireguard', 'ebgp'].map((kind) => ({ from: memberId, to: peerId, kind, status: statusOf(memberId) })),
      )

const ORDER = ['active', 'degraded', 'pending', 'disconnected']
const worse = (one: string, other: string): string => (ORDER.indexOf(one) > ORDER.indexOf(other) ? one : other)
