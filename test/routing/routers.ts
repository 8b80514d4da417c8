import { eventually } from '../eventually.ts'
import { startFrr, type Frr } from '../lab/frr.ts'
import { must, type Lab, type LabNode } from '../lab/lab.ts'
import type { Id, World } from '../../services/sdwan-compiler/src/world.ts'
import { indexOf } from '../../services/sdwan-compiler/src/compile/world-index.ts'
import { compileFrr } from '../../services/sdwan-compiler/src/compile/frr/compile-frr.ts'
import { nodeId } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts'

/** A route as bgpd tells of it. */
export type Path = {
  readonly valid?: boolean
  readonly aspath?: { readonly string: string }
  readonly community?: { readonly string: string }
  readonly largeCommunity?: { readonly string: string }
  readonly locPrf?: number
  readonly metric?: number
  readonly nexthops?: readonly { readonly ip: string; readonly accessible?: boolean }[]
}

/**
 * A node of a world, with real FRR and the compiled file. The tunnels are left out: all nodes are on one wire, and e0 has the
 * addresses and routes that an interface of WireGuard would have.
 */
export class Router {
  readonly node: LabNode
  readonly frr: Frr
  readonly #nodeId: Id

  private constructor(node: LabNode, frr: Frr, nodeId: Id) {
    this.node = node
    this.frr = frr
    this.#nodeId = nodeId
  }

  static async start(lab: Lab, world: World, said: { readonly nodeId: Id; readonly name: string }): Promise<Router> {
    const node = await lab.node(said.name)
    await Router.wire(node, world, said.nodeId)
    return new Router(node, await startFrr(node, fileOf(world, said.nodeId)), said.nodeId)
  }

  /** One whose networks have tables of their own: namespaces stand for the VRFs. */
  static async startWithTables(node: LabNode, world: World, nodeId: Id): Promise<Router> {
    return new Router(node, await startFrr(node, fileOf(world, nodeId), { netnsVrfs: true }), nodeId)
  }

  /** Addresses and static routes of the node's members, of one network or all. */
  static async wire(node: LabNode, world: World, nodeId: Id, networkId?: Id): Promise<void> {
    const members = world.members.filter(
      (each) => each.nodeId === nodeId && (networkId ?? each.networkId) === each.networkId,
    )
    const networks = world.networks.filter(({ id }) => members.some((each) => each.networkId === id))
    const ends = world.crossings
      .filter(({ gateways }) => gateways.some(({ memberId }) => members.some(({ id }) => id === memberId)))
      .flatMap(({ remote }) => remote)
    await node.batch(
      ...members.map(({ address }) => `addr add ${address}/128 dev e0 nodad`),
      ...networks.map(({ cidr }) => `route add ${cidr} dev e0`),
      ...ends.map(({ address }) => `route add ${address}/128 dev e0`),
    )
  }

  async load(world: World): Promise<void> {
    await this.frr.reload(fileOf(world, this.#nodeId))
  }

  /** The best path to a prefix, all about it; undefined where there is none. */
  async best(prefix: string, vrf?: string): Promise<Path | undefined> {
    const family = prefix.includes(':') ? 'ipv6' : 'ipv4'
    const table = vrf === undefined ? '' : ` vrf ${vrf}`
    const shown = (await this.frr.json(`show bgp${table} ${family} unicast ${prefix} json`)) as {
      readonly prefix?: string
      readonly paths?: readonly (Path & { readonly bestpath?: { readonly overall?: boolean } })[]
    }
    return shown.prefix === prefix ? shown.paths?.find(({ bestpath }) => bestpath?.overall === true) : undefined
  }

  untilBest(prefix: string, vrf?: string): Promise<Path> {
    return eventually(() => this.best(prefix, vrf), Boolean, 60_000) as Promise<Path>
  }

  async untilGone(prefix: string, timeoutMs = 60_000): Promise<void> {
    await eventually(
      () => this.best(prefix),
      (path) => path === undefined,
      timeoutMs,
    )
  }

  /** What bgpd put into the kernel, by prefix. */
  async kernel(): Promise<string> {
    const [six, four] = await Promise.all(
      ['-6', '-4'].map((family) => must('ip', ['-n', this.node.netns, family, 'route', 'show', 'proto', 'bgp'])),
    )
    return `${six}${four}`
  }
}

/** Routers of one world, by the name of their namespace and the number of their node; started at once. */
export async function startAll<Name extends string>(
  lab: Lab,
  world: World,
  names: Readonly<Record<Name, number>>,
): Promise<Readonly<Record<Name, Router>>> {
  const pairs = await Promise.all(
    Object.entries<number>(names).map(async ([name, n]): Promise<[string, Router]> => [
      name,
      await Router.start(lab, world, { nodeId: nodeId(n), name }),
    ]),
  )
  return Object.fromEntries(pairs) as Record<Name, Router>
}

export const fileOf = (world: World, nodeId: Id): string => compileFrr(indexOf(world), nodeId)
