import { randomUUID } from 'node:crypto'
import { compile } from '../../../services/sdwan-compiler/src/compile/compile.ts'
import {
  memberOf,
  networkOf,
  virtualIpOf,
  withBgp,
  worldOf,
} from '../../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts'
import { interfaceName, vrfName } from '../../../services/sdwan-compiler/src/compile/names.ts'
import { emptyPlan, stateToWire } from '../../../services/sdwan-compiler/src/wire-node.ts'
import type { FirewallRule, Member, Network, RouteLeak, VirtualIp } from '../../../services/sdwan-compiler/src/world.ts'
import type { Compiled } from '../../../services/sdwan-compiler/src/model/model.ts'
import { eventually } from '../../eventually.ts'
import { startAgent, type Agent } from '../agent.ts'
import type { ControlPlane } from '../control-plane.ts'
import { LabNode, must, run, type Lab, type Ran, type RunOptions } from '../lab.ts'

/** What lies behind the spoke of every tenant: the same addresses. */
export const INSIDE = 'fdcc:0:1:5::'
/** What lies behind the spoke of one tenant, and of nobody else. */
export const ownInside = (at: number): string => `fdcd:0:1:${at + 1}::`
const FIRST_PORT = 51_820
export const tableOf = (at: number): number => 201 + at
const PATIENCE_MS = 240_000
const SOON = {
  FAILOVER_AFTER: '60s',
  REPORT_EVERY: '40s',
  LOOK_EVERY: '60s',
  CONFIRM_WITHIN: '600s',
  SETTLED_AFTER: '2s',
}

/** What is run in a VRF of a node: `ip vrf exec` (ip-vrf(8)). */
export class Room extends LabNode {
  readonly vrf: string

  constructor(node: LabNode, vrf: string, name: string) {
    super(node.lab, { name, netns: node.netns, v4: node.v4, v6: node.v6 })
    this.vrf = vrf
  }

  override run(command: string, args: readonly string[], said: RunOptions = {}): Promise<Ran> {
    return run('nsenter', [`--net=/run/netns/${this.netns}`, ...this.#inside, command, ...args], said)
  }

  override must(command: string, args: readonly string[], said: RunOptions = {}): Promise<string> {
    return must('nsenter', [`--net=/run/netns/${this.netns}`, ...this.#inside, command, ...args], said)
  }

  override start(name: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const words = [...this.#inside.slice(1), command, ...args]
    return this.lab.start(this, `${this.name}-${name}`, 'ip', words, env)
  }

  get #inside(): readonly string[] {
    return ['ip', 'vrf', 'exec', this.vrf]
  }
}

export type Place = 'hub' | 'spoke'

export type Tenant = {
  readonly network: Network
  readonly members: Readonly<Record<Place, Member>>
  /** The hub holds it. */
  readonly virtualIp: VirtualIp
  readonly rule: FirewallRule
}

/** Tenants on the same two nodes, each with a network and a table of its own, and an agent on each node. */
export class Tenants {
  readonly nodes: Readonly<Record<Place, LabNode>>
  /** The hub's is the lesser: of two nodes between whose tables routes leak, the first carries them for all. */
  readonly nodeIds: Readonly<Record<Place, string>>
  readonly tenants: readonly Tenant[]
  rules: readonly FirewallRule[]
  leaks: readonly RouteLeak[] = []
  #compiled: Compiled | undefined
  readonly #control: ControlPlane
  #agents: readonly Agent[] = []

  private constructor(
    control: ControlPlane,
    nodes: Readonly<Record<Place, LabNode>>,
    routing: readonly Network['routingProtocol'][],
  ) {
    this.#control = control
    this.nodes = nodes
    const [hub = '', spoke = ''] = [randomUUID(), randomUUID()].toSorted()
    this.nodeIds = { hub, spoke }
    this.tenants = routing.map((routingProtocol, at) => this.#tenant(at, routingProtocol))
    this.rules = this.tenants.map(({ rule }) => rule)
  }

  static async laid(lab: Lab, control: ControlPlane, routing: readonly Network['routingProtocol'][]): Promise<Tenants> {
    const nodes = { hub: await lab.node('hub'), spoke: await lab.node('spoke') }
    return new Tenants(control, nodes, routing)
  }

  #tenant(at: number, routingProtocol: Network['routingProtocol']): Tenant {
    const cidr = `fd10:0:0:${at + 1}`
    const network = networkOf(at + 1, { id: randomUUID(), cidr: `${cidr}::/64`, routingProtocol, isolation: 'dedicated_vrf' }) // prettier-ignore
    const shared = { networkId: network.id, listenPort: FIRST_PORT + at, endpointPort: FIRST_PORT + at, publicKey: undefined } // prettier-ignore
    const member = (place: Place, n: number, said: Partial<Member>): Member =>
      memberOf(at + 1, n, { ...shared, id: randomUUID(), nodeId: this.nodeIds[place], address: `${cidr}::${n}`, ...said }) // prettier-ignore
    const members = {
      hub: member('hub', 1, { name: `hub-${at}`, publiclyReachable: true, endpointV4: this.nodes.hub.v4 }),
      spoke: member('spoke', 2, { name: `spoke-${at}`, lanSubnets: [`${INSIDE}/64`, `${ownInside(at)}/64`] }),
    }
    const virtualIp = virtualIpOf(1, {
      id: randomUUID(),
      networkId: network.id,
      cidr: `${cidr}::f1/128`,
      holders: [members.hub.id],
    })
    return { network, members, virtualIp, rule: accept(network, 443) }
  }

  /** Who speaks from inside a tenant's table on a node. */
  room(place: Place, at: number): Room {
    const { network } = this.#at(at)
    return new Room(this.nodes[place], vrfName(this.nodeIds[place], network.id), `${place}-${at}`)
  }

  address(place: Place, at: number): string {
    return this.#at(at).members[place].address
  }

  link(place: Place, at: number): string {
    return interfaceName(this.#at(at).members[place].id)
  }

  async startAgents(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const start = (place: Place): Promise<Agent> =>
      startAgent({ node: this.nodes[place], id: this.nodeIds[place], control: this.#control, env: { ...SOON, ...env } })
    this.#agents = [await start('hub'), await start('spoke')]
  }

  async stopAgents(): Promise<void> {
    for (const agent of this.#agents) await agent.stop()
    this.#agents = []
  }

  log = (): string => this.#agents.map((agent) => agent.log()).join('\n')

  /** Has both nodes become what these tenants make of them. */
  want(): void {
    const networks = this.tenants.map(({ network }) => network)
    const members = this.tenants.flatMap(({ members: { hub, spoke } }) => [hub, spoke]).map((each) => ({ ...each, publicKey: this.#keyOf(each) })) // prettier-ignore
    const vrfs = members.map(({ nodeId, networkId }) => ({ nodeId, networkId, tableId: tableOf(this.#indexOf(networkId)), vrfName: vrfName(nodeId, networkId) })) // prettier-ignore
    const virtualIps = this.tenants.map(({ virtualIp }) => virtualIp)
    const said = { networks, members, virtualIps, rules: this.rules, vrfs, routeLeaks: this.leaks }
    const world = withBgp(worldOf(said), { asNumber: 4_200_000_010 })
    const plan = compile(world)
    this.#compiled = { plan, world }
    const { nodes, problems } = plan
    const fatal = problems.filter((each) => each.fatal)
    if (fatal.length > 0) throw new Error(JSON.stringify(fatal))
    for (const [nodeId, plan] of nodes) {
      const publicKey = (owner: { kind: string; memberId?: string }) => this.#keyOf(members.find(({ id }) => id === owner.memberId)) // prettier-ignore
      this.#control.want(nodeId, stateToWire(plan, { preshared: () => ({}), publicKey }))
    }
  }

  /** What the nodes were last made of. */
  get compiled(): Compiled {
    if (!this.#compiled) throw new Error('nothing was wanted yet')
    return this.#compiled
  }

  /** Another version of both nodes: one rule more. */
  async applyAnother(): Promise<void> {
    this.rules = this.tenants.flatMap(({ rule }) => [
      rule,
      { ...rule, id: randomUUID(), dstPorts: { from: 8443, to: 8443 } },
    ])
    this.want()
    await this.applied()
  }

  /** The version before again. */
  async applyThose(): Promise<void> {
    this.rules = this.tenants.map(({ rule }) => rule)
    this.want()
    await this.applied()
  }

  /** The nodes are in no network any more. */
  async applyNothing(): Promise<void> {
    for (const id of Object.values(this.nodeIds)) this.#control.want(id, stateToWire(emptyPlan(id)))
    await this.applied()
  }

  /** What a counter is of: `rule <tenant>` or `default <tenant>`. */
  nameOf(ruleId: string): string | undefined {
    const at = this.tenants.findIndex(({ rule, network }) => ruleId === rule.id || ruleId === `default ${network.id}`)
    return at < 0 ? undefined : `${ruleId.startsWith('default ') ? 'default' : 'rule'} ${at}`
  }

  /** Waits until both ends of every tunnel have told their keys. */
  async keyed(): Promise<void> {
    const keys = () => Promise.resolve(this.tenants.flatMap(({ members: { hub, spoke } }) => [this.#keyOf(hub), this.#keyOf(spoke)])) // prettier-ignore
    await eventually(keys, (found) => found.every((key) => key !== undefined), PATIENCE_MS)
  }

  /** Waits until both nodes say that they are as they have to be, and that every back end has done its part. */
  async applied(): Promise<void> {
    for (const id of Object.values(this.nodeIds))
      await eventually(
        () => Promise.resolve(this.#control.heard(id).reports.at(-1)),
        (report) => report?.appliedVersion === this.#control.wanted(id) && report?.backEnds.every(({ status }) => status === 'applied') === true, // prettier-ignore
        PATIENCE_MS,
      )
  }

  #at(at: number): Tenant {
    const found = this.tenants[at]
    if (!found) throw new Error(`there is no tenant ${at}`)
    return found
  }

  #indexOf(networkId: string): number {
    return this.tenants.findIndex(({ network }) => network.id === networkId)
  }

  #keyOf(member: Member | undefined): string | undefined {
    return member && this.#control.heard(member.nodeId).keys.get(interfaceName(member.id))
  }
}

/** A port that a tenant lets pass, in whatever direction. */
export const accept = ({ id }: Network, port: number): FirewallRule => ({
  id: randomUUID(),
  networkId: id,
  name: `tcp ${port}`,
  priority: 10,
  action: 'accept',
  direction: 'both',
  protocol: 'tcp',
  src: { kind: 'all' },
  dst: { kind: 'all' },
  dstPorts: { from: port, to: port },
})
