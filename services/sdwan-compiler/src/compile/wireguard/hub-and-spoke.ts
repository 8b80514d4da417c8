import type { Id, Member, Prefix } from '../../world.ts'
import { Memo } from '../memo.ts'
import type { NetworkFacts } from '../network-facts.ts'
import { isHub } from '../world-index.ts'
import { together } from '../text.ts'
import { endpointOf, stanza } from './config.ts'
import { viewOf } from './group-view.ts'
import { Spokes, standbyOf, wayOf, type Group, type Way } from './spokes.ts'
import type { Tunnel } from './tunnel.ts'

/**
 * hub_and_spoke is a tree: all that a spoke sends or is sent goes by the first of its hubs, and between hubs by the tunnel of
 * the two. So no prefix stands with two peers of one interface (the kernel gives it to the last, in silence), both directions
 * of a connection pass the same hubs, and each of these sees it whole: a firewall that follows connections needs no less.
 *
 * Every other tunnel of a spoke is kept warm and carries signs of life alone. When a hub dies, everybody who sees it do so moves
 * what went by it to the next in the spoke's order, which is the same everywhere: on a hub that is next itself, to the
 * spoke's own tunnel. What is not healed: a spoke that loses only its own way to a hub which the other hubs still see.
 */
export class HubAndSpoke {
  readonly #spokes = new Spokes()
  readonly #tunnels = new Memo<Tunnel>()

  prepare(facts: NetworkFacts): (member: Member) => Tunnel {
    this.#tunnels.forgetOthers()
    const groups = this.#spokes.of(facts)
    const reach = [facts.its.network.cidr, ...facts.destinations.map(({ prefix }) => prefix)]
    return (member) => (isHub(member) ? hubTunnel(facts, groups, member) : this.#spokeTunnel(facts, reach, member))
  }

  /** The same for all spokes that have one order, and nothing of their own. */
  #spokeTunnel(facts: NetworkFacts, reach: readonly Prefix[], member: Member): Tunnel {
    const order = facts.orderOf(member.id)
    const own = facts.own.get(member.id)
    const others = own ? reach.filter((prefix) => !own.has(prefix)) : reach
    const key = own ? member.id : order.map(({ id }) => id).join()
    return this.#tunnels.of(key, [order, ...others], () => spokeTunnel(facts, order, others))
  }
}

function spokeTunnel(facts: NetworkFacts, order: readonly Member[], reach: readonly Prefix[]): Tunnel {
  const stanzas = facts.its.hubs.map((hub) => {
    const alive = `${facts.namesOf(hub.id).linkLocal}/128`
    return stanza({
      publicKey: hub.publicKey ?? '',
      allowed: hub === order[0] ? [alive, ...reach] : [alive],
      endpoint: endpointOf(hub),
      keepalive: true,
    })
  })
  return { peers: stanzas.join(''), standby: order.length > 1 ? [standbyOf(facts, reach, order)] : [] }
}

function hubTunnel(facts: NetworkFacts, groups: readonly Group[], hub: Member): Tunnel {
  const views = groups.map((group) => viewOf(group, hub))
  const beyond = new Map(facts.its.hubs.map(({ id }): [Id, Beyond] => [id, { spokes: [], others: [] }]))
  for (const view of views) for (const [id, prefixes] of view.beyond) beyond.get(id)?.spokes.push(prefixes)
  const shared: Way[] = []
  for (const { prefix, behind } of facts.destinations) {
    const by = behind.length > 1 ? waysTo(facts, behind, hub) : hubOf(behind, hub)
    const [first] = by
    if (first && isHub(first)) beyond.get(first.id)?.others.push(prefix)
    if (by.length > 1) shared.push(wayOf(facts, [prefix], by))
  }
  const others = facts.its.hubs
    .filter(({ id }) => id !== hub.id)
    .map((other) => ({ other, its: beyond.get(other.id) ?? NOTHING_BEYOND }))
  const standby = [...views.flatMap((view) => view.standby), ...shared.map((way) => way.standby)]
  const own = others.map(({ other, its }) => hubStanza(facts, other, [...its.spokes, ...its.others]))
  // What spokes have is in the digests of their groups.
  const told = others.map(({ other, its }) => hubStanza(facts, other, its.others))
  const mark = [...told, ...views.map(({ digest }) => digest), ...shared.map(({ words }) => words)].join('\n')
  return { peers: together([...own, ...views.map((view) => view.stanzas)]), standby, mark }
}

/** What goes by another hub: of its spokes, group by group, and whatever else it is the way to. */
type Beyond = { readonly spokes: string[]; readonly others: Prefix[] }

const NOTHING_BEYOND: Beyond = { spokes: [], others: [] }

/** What has one owner: of a spoke it went with the spoke. */
const hubOf = (behind: readonly Member[], hub: Member): readonly Member[] =>
  behind.filter((owner) => isHub(owner) && owner !== hub)

/** The peers by whom a hub reaches what several have, in order; none once it is its own turn. */
function waysTo({ orderOf }: NetworkFacts, owners: readonly Member[], hub: Member): readonly Member[] {
  const at = owners.indexOf(hub)
  const others = at < 0 ? owners : owners.slice(0, at)
  const ways = others.flatMap((owner) => {
    if (isHub(owner)) return [owner]
    const order = orderOf(owner.id)
    const mine = order.indexOf(hub)
    return mine < 0 ? order : [...order.slice(0, mine), owner]
  })
  return [...new Set(ways)]
}

function hubStanza({ namesOf }: NetworkFacts, hub: Member, beyond: readonly string[]): string {
  return stanza({
    publicKey: hub.publicKey ?? '',
    allowed: together([
      `${namesOf(hub.id).linkLocal}/128, ${hub.address}/128`,
      ...beyond.flatMap((its) => [', ', its]),
    ]),
    endpoint: endpointOf(hub),
    keepalive: true,
  })
}
