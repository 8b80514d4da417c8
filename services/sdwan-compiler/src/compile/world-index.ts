import type {
  Crossing,
  FirewallRule,
  Id,
  Member,
  Network,
  PortMapping,
  RouteLeak,
  RoutePolicy,
  VirtualIp,
  VrfAssignment,
  World,
} from '../world.ts'
import { differenceOf, differencesBy, foundIn, NO_DIFFERENCE, only, patched, type Difference } from './difference.ts'
import { compared } from './compared.ts'
import { Layers } from './layers.ts'
import { kept } from './memo.ts'

/**
 * A World as the compilers ask for it. Every list is sorted, and one that did not change is the very same list as in the
 * index before: what is made of lists can be kept for as long as they stay the same.
 */
export type WorldIndex = {
  readonly world: World
  readonly networks: ReadonlyMap<Id, NetworkIndex>
  readonly members: { readonly get: (id: Id) => Member | undefined }
  /** The same, by id. */
  readonly everybody: readonly Member[]
  /** The members of each node, by id. */
  readonly nodes: Layers<readonly Member[]>
  /** Those with several: few. */
  readonly crowded: ReadonlyMap<Id, readonly Member[]>
  /** Those whose members are others than in the index before; nodes that are gone among them. */
  readonly changedNodes: ReadonlySet<Id>
  /** By `<node id>/<network id>`: see vrfOf. */
  readonly vrfs: ReadonlyMap<string, VrfAssignment>
  /** Whether there is a network in which BGP may be spoken at all. */
  readonly speaks: boolean
  readonly routePolicies: readonly RoutePolicy[]
  readonly routeLeaks: readonly RouteLeak[]
}

export type NetworkIndex = {
  readonly network: Network
  /** All of them, by id, those without a key too. */
  readonly members: readonly Member[]
  /** Those with a key: who is in somebody's tunnel. */
  readonly keyed: readonly Member[]
  /** Keyed, publicly reachable, with an endpoint: hubs of hub_and_spoke, and whom others can call in full_mesh. */
  readonly hubs: readonly Member[]
  /** By priority, then name. */
  readonly rules: readonly FirewallRule[]
  readonly mappings: readonly PortMapping[]
  readonly virtualIps: readonly VirtualIp[]
  readonly crossings: readonly Crossing[]
}

/**
 * The index of a world. `before` is that of the world before, whose lists are handed on where they are the same: what did not change is
 * not sorted again either.
 */
export function indexOf(world: World, before?: WorldIndex): WorldIndex {
  const change = differenceOf(before?.world.members ?? [], world.members)
  const byNode = differencesBy(change, ({ nodeId }) => nodeId)
  const everybody = kept(before?.everybody, patched(before?.everybody ?? [], change))
  const members = byHalves(everybody)
  const of = {
    rules: grouped(world.rules, ({ networkId }) => networkId),
    mappings: grouped(byId(world.portMappings), ({ memberId }) => members.get(memberId)?.networkId ?? ''),
    virtualIps: grouped(byId(world.virtualIps), ({ networkId }) => networkId),
    crossings: grouped(byText(world.crossings, ({ peerId }) => peerId), ({ networkId }) => networkId), // prettier-ignore
  }
  const nodes = nodesAfter(before?.nodes ?? new Layers(), byNode)
  const changes = differencesBy(change, ({ networkId }) => networkId)
  const networks = byId(world.networks).map((network): [Id, NetworkIndex] => {
    const known = before?.networks.get(network.id)
    const its = known
      ? (changes.get(network.id) ?? NO_DIFFERENCE)
      : { gone: [], come: everybody.filter(({ networkId }) => networkId === network.id) }
    const keyed = only(its, isKeyed)
    const index: NetworkIndex = {
      network,
      members: kept(known?.members, patched(known?.members ?? [], its)),
      keyed: kept(known?.keyed, patched(known?.keyed ?? [], keyed)),
      hubs: kept(known?.hubs, patched(known?.hubs ?? [], only(keyed, isHub))),
      rules: kept(known?.rules, (of.rules.get(network.id) ?? []).toSorted(inOrder)),
      mappings: kept(known?.mappings, of.mappings.get(network.id) ?? []),
      virtualIps: kept(known?.virtualIps, of.virtualIps.get(network.id) ?? []),
      crossings: kept(known?.crossings, of.crossings.get(network.id) ?? []),
    }
    return [network.id, index]
  })
  return {
    world,
    networks: new Map(networks),
    members,
    everybody,
    nodes,
    crowded: crowdedAfter(before?.crowded, nodes, byNode.keys()),
    changedNodes: new Set(byNode.keys()),
    vrfs: new Map(world.vrfs.map((vrf) => [`${vrf.nodeId}/${vrf.networkId}`, vrf])),
    speaks: world.crossings.length > 0 || world.networks.some(({ routingProtocol }) => routingProtocol === 'ibgp'),
    routePolicies: kept(before?.routePolicies, byId(world.routePolicies)),
    routeLeaks: kept(before?.routeLeaks, byId(world.routeLeaks)),
  }
}

/** A function of its own: what is made inside of another holds all that any other there does, and so every world before. */
const byHalves = (list: readonly Member[]): WorldIndex['members'] => ({ get: (id) => foundIn(list, id) })

const isKeyed = ({ publicKey }: Member): boolean => publicKey !== undefined

function nodesAfter(
  before: Layers<readonly Member[]>,
  changes: ReadonlyMap<Id, Difference<Member>>,
): Layers<readonly Member[]> {
  const after = [...changes].map(([id, its]): [Id, readonly Member[] | undefined] => {
    const known = before.get(id)
    const list = kept(known, patched(known ?? [], its))
    return [id, list.length > 0 ? list : undefined]
  })
  return before.after(new Map(after))
}

function crowdedAfter(
  before: WorldIndex['crowded'] | undefined,
  nodes: WorldIndex['nodes'],
  changed: Iterable<Id>,
): WorldIndex['crowded'] {
  const crowded = new Map(before)
  for (const id of changed) {
    const list = nodes.get(id) ?? []
    if (list.length > 1) crowded.set(id, list)
    else crowded.delete(id)
  }
  return crowded
}

/** The VRF that a network has on a node: only a network with a table of its own has one. */
export function vrfOf(index: WorldIndex, nodeId: Id, networkId: Id): VrfAssignment | undefined {
  const isolated = index.networks.get(networkId)?.network.isolation === 'dedicated_vrf'
  return isolated ? index.vrfs.get(`${nodeId}/${networkId}`) : undefined
}

/** Who carries for others, and whom others can call. */
export const isHub = (member: Member): boolean =>
  member.publiclyReachable && (member.endpointV6 !== undefined || member.endpointV4 !== undefined)

/**
 * The members that hold a virtual IP: the head of the list, with anycast all. Whoever is gone is passed over, and so is a
 * member without a key, for it can be reached by nobody.
 */
export function holdersOf(index: WorldIndex, virtualIp: VirtualIp): readonly Member[] {
  const members = virtualIp.holders
    .map((id) => index.members.get(id))
    .filter((member) => member !== undefined && member.networkId === virtualIp.networkId)
    .filter((member) => member !== undefined)
  const [head] = members
  return (virtualIp.anycast ? members : head ? [head] : []).filter(({ publicKey }) => publicKey !== undefined)
}

export const byId = <T extends { readonly id: Id }>(list: readonly T[]): readonly T[] => byText(list, ({ id }) => id)

const byText = <T>(list: readonly T[], key: (item: T) => string): readonly T[] =>
  list.toSorted((a, b) => compared(key(a), key(b)))

const inOrder = (a: FirewallRule, b: FirewallRule): number =>
  a.priority - b.priority || compared(a.name, b.name) || compared(a.id, b.id)

const grouped = <T>(list: readonly T[], key: (item: T) => string): ReadonlyMap<string, readonly T[]> =>
  Map.groupBy(list, key)
