import type { NodePlan, Problem, WireGuardInterface } from '../plan.ts'
import type { Id, Member } from '../world.ts'
import { heldIn } from './held.ts'
import { forget, keptRecord, Memo } from './memo.ts'
import { interfaceName } from './names.ts'
import { FactsFinder, isPrecise, type NetworkFacts } from './network-facts.ts'
import { Firewalls, type Firewall } from './nftables/firewall.ts'
import { natOf, natProblems, type Nat } from './nftables/nat.ts'
import { ruleProblems } from './nftables/rule-problems.ts'
import { networkProblems } from './problems/network-problems.ts'
import { Interfaces } from './wireguard/interfaces.ts'
import { vrfOf, type NetworkIndex, type WorldIndex } from './world-index.ts'

/** What one member brings to its node. */
export type MemberPart = {
  readonly interfaces: readonly WireGuardInterface[]
  readonly firewall: Firewall
  readonly nat: Nat | undefined
  readonly held: NodePlan['heldAddresses']
}

type Known = { readonly member: Member; readonly view: object; readonly vrf: object | undefined; readonly part: MemberPart } // prettier-ignore

/** Compiles one network, and keeps what it made: a part that is as before is the very same. */
export class NetworkCompiler {
  readonly #facts = new FactsFinder()
  readonly #interfaces = new Interfaces()
  readonly #firewalls = new Firewalls()
  readonly #views = new Memo<object>()
  readonly #nats = new Memo<Nat | undefined>()
  readonly #problems = new Memo<readonly Problem[]>()
  #held: ReturnType<typeof heldIn> = new Map()
  readonly #known = new Map<Id, Known>()

  compile(index: WorldIndex, its: NetworkIndex): void {
    const facts = this.#facts.find(index, its)
    this.#held = heldIn(index, its, this.#held)
    const makers = { interfaces: this.#interfaces.prepare(facts), firewall: this.#firewalls.prepare(facts, this.#held) }
    const view = this.#viewOf(facts)
    const translating = new Set(its.mappings.map(({ memberId }) => memberId))
    let placed = 0
    for (const member of its.members) {
      const vrf = vrfOf(index, member.nodeId, member.networkId)
      // A network that wants a table of its own is nowhere until its node has one: in the main table it would be with others.
      if (its.network.isolation !== 'shared' && !vrf) {
        this.#known.delete(member.id)
        continue
      }
      placed += 1
      const known = this.#known.get(member.id)
      const isKept = known?.member === member && known.view === view && known.vrf === vrf && !isPrecise(facts, member)
      if (isKept) continue
      const interfaces = makers.interfaces(member, known?.part.interfaces)
      const names = interfaces.map(({ name }) => name)
      const part = keptRecord(known?.part, {
        interfaces,
        firewall: makers.firewall(member, { known: known?.part.firewall, interfaces: names }),
        nat: translating.has(member.id) ? this.#natOf(facts, member) : undefined,
        held: this.#held.get(member.id) ?? NOTHING,
      })
      this.#known.set(member.id, { member, view, vrf, part })
    }
    if (this.#known.size > placed) forget(this.#known, its.members)
    for (const memo of [this.#views, this.#nats]) memo.forgetOthers()
  }

  /** What a member brings to its node; undefined when it is not placed on it. */
  partOf(memberId: Id): MemberPart | undefined {
    return this.#known.get(memberId)?.part
  }

  /** All that a spoke sees of its network beside itself. While it is the same object, so are the spokes. */
  #viewOf({ its, destinations, sessions, leaks, carriers, index }: NetworkFacts): object {
    const { network, hubs, virtualIps, crossings, mappings } = its
    const { near } = this.#firewalls
    const bgp = index.world.platform.bgp.enabled
    const inputs = [network, hubs, virtualIps, crossings, mappings, destinations, sessions, leaks, carriers, bgp, near]
    return this.#views.of('', inputs, () => ({}))
  }

  #natOf({ index, its }: NetworkFacts, member: Member): Nat | undefined {
    const make = (): Nat | undefined => natOf(index, its, member, interfaceName(member.id))
    return this.#nats.of(member.id, [its.mappings, its.members, its.virtualIps], make)
  }

  problems(index: WorldIndex, its: NetworkIndex): readonly Problem[] {
    const inputs = [its.network, its.members, its.rules, its.mappings, its.virtualIps, its.crossings]
    const found = this.#problems.of('', inputs, () => [
      ...networkProblems(index, its),
      ...ruleProblems(its, this.#firewalls.meant(its)),
      ...natProblems(index, its),
    ])
    this.#problems.forgetOthers()
    return found
  }
}

const NOTHING: MemberPart['held'] = []
