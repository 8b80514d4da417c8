import type { Id, Member, Prefix } from '../../world.ts'
import type { NodePlan } from '../../plan.ts'
import { kept, keptRecord, Memo } from '../memo.ts'
import { crossingInterfaceName } from '../names.ts'
import { isGateway, isPrecise, type NetworkFacts } from '../network-facts.ts'
import { vrfOf, type NetworkIndex } from '../world-index.ts'
import { zoneOf } from './zones.ts'
import { chainName, selfOf, type Doors, type Way } from './chains.ts'
import { cameBy } from './interfaces.ts'
import { NearAsked, type Near } from './near-asked.ts'
import { keptRules, nearRules, type NearRule } from './near.ts'
import { preciseBody, spokeBody, type Body } from './bodies.ts'
import { Tags } from './tags.ts'
import { meantRules, selfSet, type MeantRule } from './selectors.ts'

/** The firewall of one network at one of its members: text for the table, and which chain is asked for what. */
export type Firewall = {
  /** The member's own address under the name that the body knows it by. */
  readonly self: string
  readonly body: Body
  readonly doors: Doors
  /** The interfaces that packets of this network come and go by. */
  readonly interfaces: readonly string[]
  /** What packets that came by them are known by. */
  readonly came: readonly string[]
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

/** The firewalls of a network's members; what is the same for many is written once. One of these for each network. */
export class Firewalls {
  readonly #tags = new Tags()
  readonly #meant = new Memo<readonly MeantRule[]>()
  readonly #precise = new Memo<Body>()
  readonly #bodies = new Memo<Body>()
  #near: Near = { leave: [], arrive: [] }
  #asked = new NearAsked(this.#near)

  /** Gives the firewall of a member. One that is as it was known is the very same. */
  prepare(facts: NetworkFacts, held: Held): (member: Member, its: Its) => Firewall {
    for (const memo of [this.#meant, this.#precise, this.#bodies]) memo.forgetOthers()
    const { its } = facts
    const meant = this.meant(its)
    this.#lookNear(its, meant)
    const doors = { precise: doorsOf(its.network.id, true), spoke: doorsOf(its.network.id, false) }
    const [self, pods] = [selfSet(its.network.id), its.network.podSubnet === undefined ? [] : [its.network.podSubnet]]
    return (member, { known, interfaces }) => {
      const vrf = vrfOf(facts.index, member.nodeId, member.networkId)
      const inVrf = vrf !== undefined
      const ways = waysOf(its, member, inVrf)
      const precise = isPrecise(facts, member)
      const body = precise ? this.#preciseOf(facts, meant, ways) : this.#spokeOf(facts, member)
      return keptRecord(known, {
        self: selfOf(self, member),
        body,
        doors: keptRecord(known?.doors, precise ? doors.precise : doors.spoke),
        interfaces: kept(known?.interfaces, interfaces),
        came: kept(known?.came, cameBy([{ interfaces, inVrf }])),
        inVrf,
        vrfName: vrf?.vrfName,
        networkId: its.network.id,
        cidr: its.network.cidr,
        zone: zoneOf(vrf?.tableId, its, member),
        own: kept(known?.own, ownOf(self, held.get(member.id) ?? [])),
        lans: kept(known?.lans, member.lanSubnets),
        pods: kept(known?.pods, pods),
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
    return this.#meant.of('', [its.rules, its.members, its.crossings], () =>
      meantRules(its, this.#tags.of(its.rules, its.members)),
    )
  }

  #lookNear(its: NetworkIndex, meant: readonly MeantRule[]): void {
    const leave = keptRules(this.#near.leave, nearRules(its, 'leave', meant))
    const arrive = keptRules(this.#near.arrive, nearRules(its, 'arrive', meant))
    if (leave === this.#near.leave && arrive === this.#near.arrive) return
    this.#near = { leave, arrive }
    this.#asked = new NearAsked(this.#near)
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
    const mine = this.#asked.by(member, facts.own.get(member.id) ?? [])
    const text = (rules: readonly NearRule[], which: string): string =>
      rules.map(({ line }, at) => (which[at] === '1' ? line : '')).join('')
    const inputs = [near, facts.its.network, facts.sessions, facts.its.crossings]
    return this.#bodies.of(`${mine.leave}/${mine.arrive}`, inputs, () =>
      spokeBody(facts, { leave: text(near.leave, mine.leave), arrive: text(near.arrive, mine.arrive) }),
    )
  }
}

/** Of a member: its firewall as it was, and what its packets come and go by, its own tunnel first. */
type Its = { readonly known: Firewall | undefined; readonly interfaces: readonly string[] }

/** The virtual IPs that each member holds. */
export type Held = ReadonlyMap<Id, NodePlan['heldAddresses']>

const ownOf = (self: string, held: NodePlan['heldAddresses']): readonly string[] => [
  `@${self}`,
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
