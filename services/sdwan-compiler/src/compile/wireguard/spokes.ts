import type { Standby } from '../../plan.ts'
import type { Id, Member, Prefix } from '../../world.ts'
import type { NetworkFacts } from '../network-facts.ts'
import { forget, kept } from '../memo.ts'
import { isHub } from '../world-index.ts'
import { stanza } from './config.ts'
import { hashOf } from './preference.ts'
import { standbyText } from './tunnel.ts'

/** A spoke as hubs have it. */
export type Spoke = {
  readonly member: Member
  readonly order: readonly Member[]
  /** What is its own and nobody else's: goes where it goes. */
  readonly prefixes: readonly Prefix[]
  /** Its section at the hub that it uses, and at the others. */
  readonly carried: string
  readonly warm: string
  /** At each hub of the order but the first: those before that hub, and then the spoke itself. */
  readonly ways: readonly Way[]
  /** At a hub that nobody knows yet: the order as it stands. */
  readonly outside: Way | undefined
}

export type Way = { readonly standby: Standby; readonly words: string }

/** What stands behind a spoke: what only it has, and all that is first its. */
type Behind = { readonly only: readonly Prefix[]; readonly first: readonly Prefix[] }

type Known = { readonly spoke: Spoke; readonly first: string; readonly ends: boolean }

/** Neighbors by id. What hubs make of a group is kept with it: whoever joins changes one group. */
export type Group = readonly Spoke[]

/** The keyed spokes of a network, by id and in groups; what did not change is the very same. One of these for each network. */
export class Spokes {
  readonly #known = new Map<Id, Known>()
  #groups: readonly Group[] = []

  of(facts: NetworkFacts): readonly Group[] {
    const behind = behindOf(facts)
    let spokes = 0
    const groups: Spoke[][] = [[]]
    for (const member of facts.its.keyed) {
      if (isHub(member)) {
        this.#known.delete(member.id)
        continue
      }
      const order = facts.orderOf(member.id)
      const its = behind.get(member.id) ?? NOTHING
      const first = its === NOTHING ? '' : `${its.only.join()} ${its.first.join()}`
      const known = this.#known.get(member.id)
      const isKept = known?.spoke.member === member && known.spoke.order === order && known.first === first
      const entry = isKept
        ? known
        : { spoke: spokeOf(facts, { member, order, behind: its }), first, ends: endsGroup(member.id) }
      if (!isKept) this.#known.set(member.id, entry)
      spokes += 1
      groups.at(-1)?.push(entry.spoke)
      if (entry.ends) groups.push([])
    }
    if (this.#known.size > spokes) forget(this.#known, facts.its.keyed)
    const before = new Map(this.#groups.map((group) => [group[0], group]))
    this.#groups = groups.filter((group) => group.length > 0).map((group) => kept(before.get(group[0]), group))
    return this.#groups
  }
}

/** One of 64, by its id alone: groups end where they did, whoever comes or goes. */
const endsGroup = (id: Id): boolean => hashOf(id) % 64 === 0

const NOTHING: Behind = { only: [], first: [] }

function behindOf({ destinations }: NetworkFacts): ReadonlyMap<Id, Behind> {
  const all = new Map<Id, { only: Prefix[]; first: Prefix[] }>()
  for (const { prefix, behind } of destinations) {
    const [owner] = behind
    if (!owner) continue
    const its = all.get(owner.id) ?? { only: [], first: [] }
    all.set(owner.id, its)
    its.first.push(prefix)
    if (behind.length === 1) its.only.push(prefix)
  }
  return all
}

function spokeOf(facts: NetworkFacts, its: { member: Member; order: readonly Member[]; behind: Behind }): Spoke {
  const { member, order, behind } = its
  const alive = `${facts.linkLocal(member.id)}/128`
  const peer = { publicKey: member.publicKey ?? '', endpoint: undefined, keepalive: false }
  const prefixes = [`${member.address}/128`, ...behind.only]
  const way = (by: readonly Member[]): Way => wayOf(facts, prefixes, by)
  return {
    member,
    order,
    prefixes,
    carried: stanza({ ...peer, allowed: [alive, `${member.address}/128`, ...behind.first] }),
    warm: stanza({ ...peer, allowed: [alive] }),
    ways: order.slice(1).map((_, at) => way([...order.slice(0, at + 1), member])),
    outside: order.length > 1 ? way(order) : undefined,
  }
}

export function wayOf(facts: NetworkFacts, prefixes: readonly Prefix[], by: readonly Member[]): Way {
  const standby = standbyOf(facts, prefixes, by)
  return { standby, words: standbyText(standby) }
}

/** Prefixes that go by the first of these who lives. */
export function standbyOf(facts: NetworkFacts, prefixes: readonly Prefix[], by: readonly Member[]): Standby {
  const peers = by.map(({ id, publicKey = '' }) => ({ publicKey, address: facts.linkLocal(id) }))
  return { prefixes, peers }
}
