import type { NodePlan, Problem, WireGuardInterface } from '../plan.ts'
import type { Id, Member } from '../world.ts'
import { differenceOf } from './difference.ts'
import { heldIn } from './held.ts'
import { keptRecord, Memo } from './memo.ts'
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
  #before: { readonly view: object; readonly members: readonly Member[] } | undefined
  /** Those who see more than a spoke does: looked at each time. */
  readonly #precise = new Map<Id, Member>()
  #changedNodes = new Set<Id>()

  compile(index: WorldIndex, its: NetworkIndex): void {
    const facts = this.#facts.find(index, its)
    this.#held = heldIn(index, its, this.#held)
    const makers = { interfaces: this.#interfaces.prepare(facts), firewall: this.#firewalls.prepare(facts, this.#held) }
    const view = this.#viewOf(facts)
    const translating = new Set(its.mappings.map(({ memberId }) => memberId))
    this.#changedNodes = new Set()
    for (const member of this.#toLookAt(facts, view)) {
      const vrf = vrfOf(index, member.nodeId, member.networkId)
      // A network that wants a table of its own is nowhere until its node has one: in the main table it would be with others.
      if (its.network.isolation !== 'shared' && !vrf) {
        this.#drop(member.id)
        continue
      }
      const known = this.#known.get(member.id)
      const isKept = known?.member === member && known.view === view && known.vrf === vrf && !this.#precise.has(member.id) // prettier-ignore
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
      if (part === known?.part) continue
      this.#changedNodes.add(member.nodeId)
      if (known) this.#changedNodes.add(known.member.nodeId)
    }
    for (const memo of [this.#views, this.#nats]) memo.forgetOthers()
  }

  /** While spokes see what they saw, only those who are new; and everybody who sees more. Whoever left is dropped. */
  #toLookAt(facts: NetworkFacts, view: object): readonly Member[] {
    const { network, members } = facts.its
    const known = this.#before
    // Tables of their own come and go beside the network.
    const isAsBefore = known?.view === view && network.isolation === 'shared'
    const { gone, come } = isAsBefore
      ? differenceOf(known.members, members)
      : { gone: known?.members ?? [], come: members }
    this.#before = { view, members }
    const staying = new Set(come.map(({ id }) => id))
    for (const { id } of gone) {
      this.#precise.delete(id)
      if (!staying.has(id)) this.#drop(id)
    }
    const precise = come.filter((member) => isPrecise(facts, member))
    for (const member of precise) this.#precise.set(member.id, member)
    return [...this.#precise.values(), ...come.filter(({ id }) => !this.#precise.has(id))]
  }

  #drop(memberId: Id): void {
    const known = this.#known.get(memberId)
    if (!known) return
    this.#known.delete(memberId)
    this.#changedNodes.add(known.member.nodeId)
  }

  /** Where somebody brings something else than before, or nothing any more. */
  get changedNodes(): ReadonlySet<Id> {
    return this.#changedNodes
  }

  /** Where any of its members is. */
  nodes(): readonly Id[] {
    return [...this.#known.values()].map(({ member }) => member.nodeId)
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
