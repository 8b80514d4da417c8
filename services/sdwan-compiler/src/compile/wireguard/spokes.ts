import type { Standby } from '../../plan.ts'
import type { Id, Member, Prefix } from '../../world.ts'
import type { NetworkFacts } from '../network-facts.ts'
import { differenceOf, patched, type Difference } from '../difference.ts'
import { isSame, kept } from '../memo.ts'
import { isHub } from '../world-index.ts'
import { stanza } from './config.ts'
import { hashOf } from './preference.ts'
import { standbyText } from './tunnel.ts'

/** A spoke as hubs have it. */
export type Spoke = {
  readonly id: Id
  readonly member: Member
  readonly order: readonly Member[]
  /** What is its own and nobody else's: goes where it goes. */
  readonly prefixes: readonly Prefix[]
  /** Its section at the hub that it uses, and at the others. */
  readonly carried: string
  readonly warm: string
  /** At each hub of the order but the first: those before that hub, and then the spoke itself. */
  readonly ways: readonly Way[]
  /** The hubs of its order, as a standby names them. */
  readonly hubs: readonly Peer[]
  readonly behind: Behind
  /** Whether it is the last of its group. */
  readonly isLast: boolean
}

type Peer = Standby['peers'][number]

export type Way = { readonly standby: Standby; readonly words: string }

/** What stands behind a spoke: what only it has, and all that is first its. */
type Behind = { readonly only: readonly Prefix[]; readonly first: readonly Prefix[] }

/** Neighbors by id. What hubs make of a group is kept with it: whoever joins changes one group. */
export type Group = readonly Spoke[]

type Seen = Pick<NetworkFacts, 'destinations'> & Pick<NetworkFacts['its'], 'hubs' | 'keyed'>

/** The keyed spokes of a network, by id and in groups; what did not change is the very same. One of these for each network. */
export class Spokes {
  #seen: Seen | undefined
  #spokes: readonly Spoke[] = []
  #groups: readonly Group[] = []

  of(facts: NetworkFacts): readonly Group[] {
    const { its, destinations } = facts
    const { hubs, keyed } = its
    const seen = this.#seen
    // With the same hubs every order is as it was, and with the same destinations what is behind everybody.
    const isAsBefore = seen?.hubs === hubs && seen.destinations === destinations
    const change = isAsBefore ? differenceOf(seen.keyed, keyed) : { gone: seen?.keyed ?? [], come: keyed }
    this.#seen = { hubs, keyed, destinations }
    if (change.gone.length === 0 && change.come.length === 0) return this.#groups
    this.#spokes = this.#after(facts, change)
    const before = new Map(this.#groups.map((group) => [group[0], group]))
    this.#groups = grouped(this.#spokes).map((group) => kept(before.get(group[0]), group))
    return this.#groups
  }

  #after(facts: NetworkFacts, change: Difference<Member>): readonly Spoke[] {
    const behind = behindOf(facts)
    const leaving = new Set(change.gone)
    const gone = leaving.size === 0 ? [] : this.#spokes.filter(({ member }) => leaving.has(member))
    const known = new Map(gone.map((spoke) => [spoke.id, spoke]))
    const hubs = new Map<readonly Member[], readonly Peer[]>()
    const come = change.come
      .filter((member) => !isHub(member))
      .map((member) => {
        const its = { member, order: facts.orderOf(member.id), behind: behind.get(member.id) ?? NOTHING }
        const before = known.get(member.id)
        if (before && isSpokeOf(before, its)) return before
        const peers = hubs.get(its.order) ?? peersOf(facts, its.order)
        hubs.set(its.order, peers)
        return spokeOf(facts, its, peers)
      })
    return patched(this.#spokes, { gone, come })
  }
}

function grouped(spokes: readonly Spoke[]): readonly Group[] {
  const groups: Group[] = []
  let from = 0
  for (const [at, { isLast }] of spokes.entries()) {
    if (!isLast && at < spokes.length - 1) continue
    groups.push(spokes.slice(from, at + 1))
    from = at + 1
  }
  return groups
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

type Its = Pick<Spoke, 'member' | 'order' | 'behind'>

const isSpokeOf = (spoke: Spoke, { member, order, behind }: Its): boolean =>
  spoke.member === member &&
  spoke.order === order &&
  isSame(spoke.behind.only, behind.only) &&
  isSame(spoke.behind.first, behind.first)

function spokeOf(facts: NetworkFacts, its: Its, hubs: readonly Peer[]): Spoke {
  const { member, order, behind } = its
  const own = peerOf(facts, member)
  const alive = `${own.address}/128`
  const peer = { publicKey: member.publicKey ?? '', endpoint: undefined, keepalive: false }
  const prefixes = [`${member.address}/128`, ...behind.only]
  return {
    id: member.id,
    member,
    order,
    behind,
    isLast: endsGroup(member.id),
    prefixes,
    carried: stanza({ ...peer, allowed: [alive, `${member.address}/128`, ...behind.first] }),
    warm: stanza({ ...peer, allowed: [alive] }),
    hubs,
    ways: hubs.slice(1).map((_, at) => wayBy(prefixes, [...hubs.slice(0, at + 1), own])),
  }
}

/** At a hub that nobody knows yet: the order as it stands. */
export const wayOutside = ({ prefixes, hubs }: Spoke): Way | undefined =>
  hubs.length > 1 ? wayBy(prefixes, hubs) : undefined

export const wayOf = (facts: NetworkFacts, prefixes: readonly Prefix[], by: readonly Member[]): Way =>
  wayBy(prefixes, peersOf(facts, by))

function wayBy(prefixes: readonly Prefix[], peers: readonly Peer[]): Way {
  const standby = { prefixes, peers }
  return { standby, words: standbyText(standby) }
}

/** Prefixes that go by the first of these who lives. */
export const standbyOf = (facts: NetworkFacts, prefixes: readonly Prefix[], by: readonly Member[]): Standby => ({
  prefixes,
  peers: peersOf(facts, by),
})

const peersOf = (facts: NetworkFacts, by: readonly Member[]): readonly Peer[] =>
  by.map((member) => peerOf(facts, member))

const peerOf = ({ namesOf }: NetworkFacts, { id, publicKey = '' }: Member): Peer => ({
  publicKey,
  address: namesOf(id).linkLocal,
})
