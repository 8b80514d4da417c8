import type { Id, Member, Prefix } from '../../world.ts'
import type { NodePlan } from '../../plan.ts'
import { kept, keptRecord, Memo } from '../memo.ts'
import { crossingInterfaceName, interfaceName } from '../names.ts'
import { isGateway, isPrecise, type NetworkFacts } from '../network-facts.ts'
import { vrfOf, type NetworkIndex } from '../world-index.ts'
import { zoneOf } from './zones.ts'
import { chainName, selfOf, type Doors, type Way } from './chains.ts'
import { blocksOf, concerns, keptRules, nearRules, type NearRule } from './near.ts'
import { preciseBody, spokeBody, type Body } from './bodies.ts'
import { meantRules, selfSet, type MeantRule } from './selectors.ts'

/** The firewall of one network at one of its members: text for the table, and which chain is asked for what. */
export type Firewall = {
  /** The member's own address under the name that the body knows it by. */
  readonly self: string
  readonly body: Body
  readonly doors: Doors
  /** The interfaces that packets of this network come and go by. */
  readonly interfaces: readonly string[]
  /** Behind a VRF device, packets arrive by that device, and the interface is its slave. */
  readonly inVrf: boolean
  /** That device; undefined in the node's main table. */
  readonly vrfName: string | undefined
  readonly networkId: Id
  readonly cidr: Prefix
  /** Where its connections are kept apart from those of other tables: by the number of its own. 0: with all others. */
  readonly zone: number
  /** Its addresses at this node, that in the set of its own name first. */
  readonly own: readonly string[]
  /** What lies behind it here. */
  readonly lans: readonly Prefix[]
  /** Where the containers of its nodes are, at this one too. */
  readonly pods: readonly Prefix[]
  /** Networks that it leaks routes to, or has some from. */
  readonly leaks: readonly Id[]
}

/** The rules that spokes may have to keep, in each of the two stages. */
export type Near = { readonly leave: readonly NearRule[]; readonly arrive: readonly NearRule[] }

/** The firewalls of a network's members; what is the same for many is written once. One of these for each network. */
export class Firewalls {
  readonly #meant = new Memo<readonly MeantRule[]>()
  readonly #precise = new Memo<Body>()
  readonly #bodies = new Memo<Body>()
  #near: Near = { leave: [], arrive: [] }

  /** Gives the firewall of a member. One that is as it was known is the very same. */
  prepare(facts: NetworkFacts, held: Held): (member: Member, known: Firewall | undefined) => Firewall {
    for (const memo of [this.#meant, this.#precise, this.#bodies]) memo.forgetOthers()
    const { its } = facts
    const meant = this.meant(its)
    this.#lookNear(its, meant)
    return (member, known) => {
      const vrf = vrfOf(facts.index, member.nodeId, member.networkId)
      const inVrf = vrf !== undefined
      const ways = waysOf(its, member, inVrf)
      const precise = isPrecise(facts, member)
      const body = precise ? this.#preciseOf(facts, meant, ways) : this.#spokeOf(facts, member)
      return keptRecord(known, {
        self: selfOf(member),
        body,
        doors: keptRecord(known?.doors, doorsOf(its.network.id, precise)),
        interfaces: kept(known?.interfaces, [interfaceName(member.id), ...ways.map((way) => way.interface)]),
        inVrf,
        vrfName: vrf?.vrfName,
        networkId: its.network.id,
        cidr: its.network.cidr,
        zone: zoneOf(vrf?.tableId, its, member),
        own: kept(known?.own, ownOf(member, held.get(member.id) ?? [])),
        lans: kept(known?.lans, member.lanSubnets),
        pods: kept(known?.pods, its.network.podSubnet === undefined ? [] : [its.network.podSubnet]),
        leaks: facts.leaks,
      })
    }
  }

  /** What spokes see of the rules: the same until a rule changes that they keep. */
  get near(): Near {
    return this.#near
  }

  /** What the rules of a network mean at the moment. */
  meant(its: NetworkIndex): readonly MeantRule[] {
    return this.#meant.of('', [its.rules, its.members, its.crossings], () => meantRules(its))
  }

  #lookNear(its: NetworkIndex, meant: readonly MeantRule[]): void {
    const leave = keptRules(this.#near.leave, nearRules(its, 'leave', meant))
    const arrive = keptRules(this.#near.arrive, nearRules(its, 'arrive', meant))
    if (leave === this.#near.leave && arrive === this.#near.arrive) return
    this.#near = { leave, arrive }
  }

  #preciseOf(facts: NetworkFacts, meant: readonly MeantRule[], ways: readonly Way[]): Body {
    const key = ways.map((way) => way.interface).join()
    const inputs = [
      meant,
      facts.its.network,
      facts.sessions,
      ...ways.flatMap(({ crossing, inVrf }) => [crossing, inVrf]),
    ]
    return this.#precise.of(key, inputs, () => preciseBody(facts, meant, ways))
  }

  /** Spokes that the same rules concern have the same text. */
  #spokeOf(facts: NetworkFacts, member: Member): Body {
    const near = this.#near
    const has = blocksOf(member, facts.own.get(member.id) ?? [])
    const bits = (rules: readonly NearRule[]): string =>
      rules.map((rule) => (concerns(rule, member, has) ? '1' : '0')).join('')
    const mine = { leave: bits(near.leave), arrive: bits(near.arrive) }
    const text = (rules: readonly NearRule[], which: string): string =>
      rules.map(({ line }, at) => (which[at] === '1' ? line : '')).join('')
    const inputs = [near, facts.its.network, facts.sessions, facts.its.crossings]
    return this.#bodies.of(`${mine.leave}/${mine.arrive}`, inputs, () =>
      spokeBody(facts, { leave: text(near.leave, mine.leave), arrive: text(near.arrive, mine.arrive) }),
    )
  }
}

/** The virtual IPs that each member holds. */
export type Held = ReadonlyMap<Id, NodePlan['heldAddresses']>

const ownOf = ({ networkId }: Member, held: NodePlan['heldAddresses']): readonly string[] => [
  `@${selfSet(networkId)}`,
  ...held.map(({ cidr }) => cidr.split('/')[0] ?? ''),
]

/** The crossings that end at a member. */
function waysOf({ crossings }: NetworkIndex, member: Member, inVrf: boolean): readonly Way[] {
  return crossings
    .filter((crossing) => isGateway(crossing, member))
    .map((crossing) => ({ crossing, interface: crossingInterfaceName(crossing.peerId, member.id), inVrf }))
}

/** A spoke judges what passes it on the way to what lies behind it as if that arrived or left. */
function doorsOf(networkId: Id, precise: boolean): Doors {
  const [into, out] = [chainName(networkId, 'in'), chainName(networkId, 'out')]
  const through = chainName(networkId, 'fwd')
  return precise ? { in: into, through, leaving: through, out } : { in: into, through: into, leaving: out, out }
}
