import type { Plan, WireGuardInterface } from '../plan.ts'
import type { Crossing, Id, Member, World } from '../world.ts'
import { type Net, PrefixTable, mustIp, mustNet } from './address.ts'
import { Bgp } from './bgp/bgp.ts'
import { Shapes, type Watch } from './kinds.ts'
import { ModelNode } from './model-node.ts'
import { type LogicalSwitch, readSwitches } from './ovn/switch.ts'

/** What was compiled, and what it was compiled from: the texts say what nodes do, the World says who is who. */
export type Compiled = { readonly plan: Plan; readonly world: World }

/** One end of tunnels: an interface of a node of ours, or a gateway of a peer's. */
export type TunnelEnd =
  | { readonly kind: 'ours'; readonly node: ModelNode; readonly interface: WireGuardInterface }
  | { readonly kind: 'theirs'; readonly crossing: Crossing; readonly endpoint: string | undefined }

/** What follows for one prefix on one node: where a packet goes that nothing longer claims. */
export type Route =
  | { readonly kind: 'local'; readonly source: string }
  | { readonly kind: 'lan'; readonly source: string }
  | {
      readonly kind: 'tunnel'
      readonly interface: WireGuardInterface
      readonly metric: number
      readonly source: string
    }

/** Where a route leads that goes from one table of a node into another; one to what a leak denies leads nowhere. */
export type RoadEnd =
  | { readonly kind: 'tunnel'; readonly interface: WireGuardInterface; readonly source: string }
  | { readonly kind: 'table'; readonly vrf: string; readonly source: string }
  | { readonly kind: 'nowhere' }

export type Circumstances = {
  readonly before?: Model | undefined
  readonly vrfs?: Model['vrfs']
  readonly told?: readonly Net[]
  readonly beside?: readonly string[]
}

/** All nodes together, and who is behind which key. */
export class Model {
  readonly compiled: Compiled
  readonly nodes: ReadonlyMap<Id, ModelNode>
  readonly members: ReadonlyMap<Id, Member>
  readonly crossings: ReadonlyMap<Id, Crossing>
  /** What kinds.ts has found, for as long as the model lives; shapes outlive it. */
  readonly kinds = new Map<Id, string>()
  readonly watchers = new Map<Id, readonly ModelNode[]>()
  readonly watches = new Map<Id, readonly Watch[]>()
  readonly selectors = new Map<Id, readonly { readonly tag: string | undefined; readonly net: Net | undefined }[]>()
  readonly shapes: Shapes
  readonly #membersOfNode: ReadonlyMap<Id, readonly Member[]>
  readonly #ends = new Map<string, TunnelEnd>()
  readonly #keys = new Map<string, string>()
  readonly #endpoints = new Map<string, string>()
  readonly #routes = new Map<string, PrefixTable<Route[]>>()
  readonly #roads = new Map<string, PrefixTable<RoadEnd>>()
  #bgp: Bgp | undefined
  #switches: ReadonlyMap<string, LogicalSwitch> | undefined

  /** How nodes keep tables apart: firewalls see a VRF device of the kernel, and no namespace. */
  readonly vrfs: 'kernel' | 'namespaces'

  /** What peers are thought to tell beyond what was agreed. */
  readonly told: readonly Net[]

  /** Addresses that every node is thought to have, and that are no network's. */
  readonly beside: readonly string[]

  /** What `before` has read of nodes that are still the same is not read again. */
  constructor(compiled: Compiled, { before, vrfs = 'kernel', told = [], beside = [] }: Circumstances = {}) {
    this.compiled = compiled
    this.vrfs = vrfs
    this.told = told
    this.beside = beside
    this.shapes = before?.shapes ?? new Shapes()
    const { plan, world } = compiled
    this.nodes = new Map(
      [...plan.nodes].map(([id, nodePlan]) => {
        const known = before?.nodes.get(id)
        const same = known && (known.plan === nodePlan || known.plan.version === nodePlan.version)
        return [id, same ? known : new ModelNode(nodePlan)]
      }),
    )
    this.members = new Map(world.members.map((member) => [member.id, member]))
    this.crossings = new Map(world.crossings.map((crossing) => [crossing.peerId, crossing]))
    this.#membersOfNode = Map.groupBy(world.members, (member) => member.nodeId)
    for (const node of this.nodes.values()) {
      for (const each of node.plan.interfaces) this.#addEnd(node, each)
    }
    for (const crossing of world.crossings) {
      for (const { publicKey, endpoint } of crossing.remote) {
        this.#ends.set(publicKey, { kind: 'theirs', crossing, endpoint })
        if (endpoint !== undefined) this.#endpoints.set(endpoint, publicKey)
      }
    }
  }

  /** Who answers to a public key; undefined for a key that is nobody's. */
  end(publicKey: string): TunnelEnd | undefined {
    return this.#ends.get(publicKey)
  }

  /** The public half of an interface's key. */
  keyOf(nodeId: Id, name: string): string | undefined {
    return this.#keys.get(`${nodeId} ${name}`)
  }

  /** Whose key answers where a handshake is sent to. */
  keyAt(endpoint: string): string | undefined {
    return this.#endpoints.get(endpoint)
  }

  /** What BGP spreads, worked out for the prefixes that are asked for. */
  get bgp(): Bgp {
    this.#bgp ??= new Bgp(this, this.told)
    return this.#bgp
  }

  /** Logical switches by name, of all deployments. */
  get switches(): ReadonlyMap<string, LogicalSwitch> {
    this.#switches ??= new Map(
      [...this.nodes.values()].flatMap(({ plan }) => (plan.ovn ? [...readSwitches(plan.ovn)] : [])),
    )
    return this.#switches
  }

  /** What a node's own table says, without BGP: its addresses, its LANs, and what was compiled for it. */
  routes(node: ModelNode, vrf: string | undefined): PrefixTable<Route[]> {
    const key = `${node.id} ${vrf ?? ''}`
    const before = this.#routes.get(key)
    if (before) return before
    const table = new PrefixTable<Route[]>()
    const add = (prefix: string, route: Route): void => {
      const net = mustNet(prefix)
      const there = table.exact(net)
      if (there) there.push(route)
      else table.put(net, [route])
    }
    // The kernel looks for them before it asks any table.
    for (const address of this.beside) add(hostOf(address), { kind: 'local', source: 'node' })
    for (const each of node.plan.interfaces.filter((one) => one.vrfName === vrf)) {
      for (const address of each.addresses) {
        add(hostOf(address), { kind: 'local', source: sourceOf(each) })
      }
      for (const held of node.plan.heldAddresses.filter((one) => one.interface === each.name)) {
        add(held.cidr, { kind: 'local', source: `virtual_ip:${held.virtualIpId}` })
      }
      for (const { prefix, metric, source } of each.routes) {
        add(prefix, { kind: 'tunnel', interface: each, metric, source })
      }
      const { owner } = each
      const lans = owner.kind === 'member' ? (this.members.get(owner.memberId)?.lanSubnets ?? []) : []
      for (const lan of lans) add(lan, { kind: 'lan', source: sourceOf(each) })
    }
    this.#routes.set(key, table)
    return table
  }

  /** What leads from a table of a node into its others. Not between namespaces: no device of one is in another. */
  roads(node: ModelNode, vrf: string | undefined): PrefixTable<RoadEnd> {
    const key = `${node.id} ${vrf ?? ''}`
    const before = this.#roads.get(key)
    if (before) return before
    const table = new PrefixTable<RoadEnd>()
    const all = this.vrfs === 'kernel' ? node.frr.roads.filter((road) => road.vrf === vrf) : []
    for (const { net, device, into } of all) {
      if (device === undefined) {
        table.put(net, { kind: 'nowhere' })
        continue
      }
      const [found, source] = [node.interface(device), this.#leakOf(node, into, vrf)]
      if (found && found.vrfName === into) table.put(net, { kind: 'tunnel', interface: found, source })
      else if (device === into) table.put(net, { kind: 'table', vrf: device, source })
    }
    this.#roads.set(key, table)
    return table
  }

  /** By which leak a node has routes of one table in another. */
  #leakOf(node: ModelNode, from: string | undefined, into: string | undefined): string {
    const networksIn = (table: string | undefined): readonly Id[] =>
      this.membersOf(node.id).flatMap((member) => {
        const its = this.interfaceOf(member)
        return its && its.vrfName === table ? [member.networkId] : []
      })
    const [sources, dests] = [networksIn(from), networksIn(into)]
    const leak = this.compiled.world.routeLeaks.find(
      ({ sourceNetworkId: source, destNetworkId: dest, bidirectional }) =>
        (sources.includes(source) && dests.includes(dest)) ||
        (bidirectional && sources.includes(dest) && dests.includes(source)),
    )
    return leak ? `leak:${leak.id}` : 'leak'
  }

  membersOf(nodeId: Id): readonly Member[] {
    return this.#membersOfNode.get(nodeId) ?? []
  }

  /** The interface of a member; undefined while its node has none for it. */
  interfaceOf(member: Member): WireGuardInterface | undefined {
    return this.nodes
      .get(member.nodeId)
      ?.plan.interfaces.find(({ owner }) => owner.kind === 'member' && owner.memberId === member.id)
  }

  #addEnd(node: ModelNode, each: WireGuardInterface): void {
    const { owner } = each
    const member = owner.kind === 'member' ? this.members.get(owner.memberId) : undefined
    const gateway =
      owner.kind === 'crossing'
        ? this.crossings
            .get(owner.peerId)
            ?.gateways.find(({ memberId }) => this.members.get(memberId)?.nodeId === node.id)
        : undefined
    const key = member?.publicKey ?? gateway?.publicKey
    if (key === undefined) return
    this.#ends.set(key, { kind: 'ours', node, interface: each })
    this.#keys.set(`${node.id} ${each.name}`, key)
    if (member) for (const endpoint of endpointsOf(member)) this.#endpoints.set(endpoint, key)
  }
}

/** The address of `fd00::1/128`, or of `fd00::1/64` as one of its own. */
function hostOf(address: string): string {
  const [host = ''] = address.split('/')
  return `${host}/${mustIp(host).hex.length * 4}`
}

function sourceOf({ owner }: WireGuardInterface): string {
  return owner.kind === 'member' ? `member:${owner.memberId}` : `federation:${owner.peerId}`
}

function endpointsOf(member: Member): readonly string[] {
  const { endpointV4, endpointV6, endpointPort } = member
  return [
    ...(endpointV6 === undefined
      ? []
      : [endpointV6.includes(':') ? `[${endpointV6}]:${endpointPort}` : `${endpointV6}:${endpointPort}`]),
    ...(endpointV4 === undefined ? [] : [`${endpointV4}:${endpointPort}`]),
  ]
}
