import { randomBytes, randomUUID } from 'node:crypto'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { crossingOf, memberOf, networkOf, withBgp, worldOf } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore
import { crossingInterfaceName, interfaceName } from '../../services/sdwan-compiler/src/compile/names.ts'
import { Preferences } from '../../services/sdwan-compiler/src/compile/wireguard/preference.ts'
import { stateToWire } from '../../services/sdwan-compiler/src/wire-node.ts'
import type { Crossing, FirewallRule, Member, Network, World } from '../../services/sdwan-compiler/src/world.ts'
import { eventually } from '../eventually.ts'
import { startAgent, type Agent } from './agent.ts'
import type { ControlPlane } from './control-plane.ts'
import { startFrr, type Frr } from './frr.ts'
import type { Lab, LabNode } from './lab.ts'

export type End = { readonly node: LabNode; readonly member: Member; readonly frr: Frr | undefined; agent?: Agent }

/** How the agents of a test look at their peers: soon, and often. */
const ENV = { FAILOVER_AFTER: '8s', REPORT_EVERY: '2s', LOOK_EVERY: '5s', CONFIRM_WITHIN: '20s' }

/** The network of one platform on nodes of a lab; what of it crosses to another is said when both are there. */
export class Side {
  readonly network: Network
  readonly ends: readonly End[]
  rules: readonly FirewallRule[] = []
  crossings: readonly Crossing[] = []
  readonly asNumber: number
  readonly #control: ControlPlane

  private constructor(control: ControlPlane, said: { network: Network; ends: readonly End[]; asNumber: number }) {
    this.#control = control
    this.network = said.network
    this.ends = said.ends
    this.asNumber = said.asNumber
  }

  static async laid(
    lab: Lab,
    control: ControlPlane,
    said: { names: readonly string[]; asNumber: number; network?: Partial<Network>; env?: Record<string, string> },
  ): Promise<Side> {
    const prefix = `fd${randomBytes(1).toString('hex')}:${randomBytes(2).toString('hex').replace(/^0/, '1')}:0:7`
    const network = networkOf(1, { ...said.network, id: randomUUID(), cidr: `${prefix}::/64` })
    const hubIds = said.names.filter((name) => name.includes('hub')).map(() => randomUUID())
    const preferences = new Preferences(hubIds.map((id) => ({ id }) as Member))
    /** Spokes have the hubs in different orders, whatever is drawn: the first the first hub first, the next the next. */
    const spokeId = (at: number): string => {
      for (;;) {
        const id = randomUUID()
        if (hubIds.length === 0 || preferences.of(id)[0]?.id === hubIds[at % hubIds.length]) return id
      }
    }
    let spokes = 0
    const ends = await Promise.all(
      said.names.map(async (name, index): Promise<End> => {
        const isHub = name.includes('hub')
        const id = isHub ? (hubIds[index] ?? '') : spokeId(spokes++)
        const node = await lab.node(name)
        const member = memberOf(1, index + 1, {
          id,
          networkId: network.id,
          nodeId: randomUUID(),
          name,
          address: `${prefix}::${index + 1}`,
          publiclyReachable: isHub,
          ...(isHub ? { endpointV4: node.v4 } : {}),
          tags: name.includes('web') ? ['web'] : [],
          publicKey: undefined,
        })
        return { node, member, frr: network.routingProtocol === 'ibgp' ? await startFrr(node) : undefined }
      }),
    )
    const side = new Side(control, { network, ends, asNumber: said.asNumber })
    for (const end of ends) await side.startAgent(end, said.env)
    return side
  }

  end(name: string): End {
    const found = this.ends.find(({ member }) => member.name === name)
    if (!found) throw new Error(`nobody is called ${name}`)
    return found
  }

  async startAgent(end: End, env: Record<string, string> = {}): Promise<void> {
    end.agent = await startAgent({
      node: end.node,
      id: end.member.nodeId,
      control: this.#control,
      env: { ...ENV, ...env },
    })
  }

  keyOf(name: string, peerId?: string): string | undefined {
    const { member } = this.end(name)
    const own = peerId === undefined ? interfaceName(member.id) : crossingInterfaceName(peerId, member.id)
    return this.#control.heard(member.nodeId).keys.get(own)
  }

  world(): World {
    const members = this.ends.map(({ member }) => ({ ...member, publicKey: this.keyOf(member.name) }))
    return withBgp(worldOf({ networks: [this.network], members, rules: this.rules, crossings: this.crossings }), {
      asNumber: this.asNumber,
    })
  }

  /** Has the nodes become what the side wants now. */
  want(): void {
    const world = this.world()
    const { nodes, problems } = compile(world)
    const fatal = problems.filter((each) => each.fatal)
    if (fatal.length > 0) throw new Error(JSON.stringify(fatal))
    const keyOf = (
      owner: { kind: 'member'; memberId: string } | { kind: 'crossing'; peerId: string },
      nodeId: string,
    ) => {
      const member = world.members.find((each) =>
        owner.kind === 'member' ? each.id === owner.memberId : each.nodeId === nodeId,
      )
      return member && this.keyOf(member.name, owner.kind === 'crossing' ? owner.peerId : undefined)
    }
    for (const [nodeId, plan] of nodes)
      this.#control.want(
        nodeId,
        stateToWire(plan, { preshared: () => ({}), publicKey: (owner) => keyOf(owner, nodeId) }),
      )
  }

  async applied(): Promise<void> {
    await eventually(
      () =>
        Promise.resolve(
          this.ends.map(
            ({ member: { nodeId } }) =>
              [this.#control.heard(nodeId).reports.at(-1)?.appliedVersion, this.#control.wanted(nodeId)] as const,
          ),
        ),
      (seen) => seen.every(([has, wanted]) => has !== undefined && has === wanted),
      240_000,
    ).catch((error: unknown) => {
      throw new Error(
        `not applied: ${this.ends.map(({ member, agent }) => `--- ${member.name}\n${agent?.log().slice(-3_000) ?? ''}`).join('\n')}`,
        { cause: error },
      )
    })
  }

  async keyed(...peers: readonly { readonly name: string; readonly peerId: string }[]): Promise<void> {
    await eventually(
      () =>
        Promise.resolve([
          ...this.ends.map(({ member }) => this.keyOf(member.name)),
          ...peers.map(({ name, peerId }) => this.keyOf(name, peerId)),
        ]),
      (keys) => keys.every((key) => key !== undefined),
      240_000,
    )
  }

  async stop(): Promise<void> {
    for (const { agent } of this.ends) await agent?.stop()
  }
}

const PORT = 51_900

/** A road between two sides, and what of each the other may route. */
export async function crossed(
  a: Side,
  b: Side,
  gateways: { a: string; b: string },
): Promise<{ inA: string; inB: string }> {
  const ids = { inA: randomUUID(), inB: randomUUID() }
  const road = (one: Side, name: string, peerId: string, other: Side, far: string, farId: string): Crossing => {
    const key = other.keyOf(far, farId)
    const { member, node } = other.end(far)
    return crossingOf(1, {
      peerId,
      networkId: one.network.id,
      gateways: [{ memberId: one.end(name).member.id, listenPort: PORT, publicKey: one.keyOf(name, peerId) }],
      remote:
        key === undefined
          ? []
          : [{ publicKey: key, endpoint: `${node.v4}:${PORT}`, address: member.address, asNumber: other.asNumber }],
      accepted: [other.network.cidr],
      advertised: [one.network.cidr],
    })
  }
  const both = () => {
    a.crossings = [road(a, gateways.a, ids.inA, b, gateways.b, ids.inB)]
    b.crossings = [road(b, gateways.b, ids.inB, a, gateways.a, ids.inA)]
    a.want()
    b.want()
  }
  both()
  await Promise.all([a.keyed({ name: gateways.a, peerId: ids.inA }), b.keyed({ name: gateways.b, peerId: ids.inB })])
  both()
  return ids
}

/** What nodes have of the network, in words, for whoever has to find out why it does not carry. */
export async function picture(ends: readonly End[]): Promise<string> {
  const parts = await Promise.all(
    ends.map(async ({ node, frr }) => {
      const say = async (...words: string[]) =>
        `$ ${words.join(' ')}\n${(await node.run(words[0] ?? '', words.slice(1))).out}`
      const bgp = frr
        ? await frr.vtysh('show bgp ipv6 unicast summary', 'show bgp ipv6 unicast', 'show bgp neighbors').catch(String)
        : ''
      return [
        `======== ${node.name}`,
        await say('wg', 'show'),
        await say('ip', '-6', 'route'),
        await say('ip', 'addr'),
        bgp,
      ].join('\n')
    }),
  )
  return parts.join('\n')
}
