import type { Standby } from '../../plan.ts'
import type { Id, Member, Prefix } from '../../world.ts'
import { isFirstAlone, type Destination } from '../destinations.ts'
import { Memo } from '../memo.ts'
import type { NetworkFacts } from '../network-facts.ts'
import { endpointOf, stanza } from './config.ts'
import { standbyOf } from './spokes.ts'
import type { Tunnel } from './tunnel.ts'

/**
 * full_mesh: a tunnel for every pair, and what lies behind a member stands with that member. A peer looks the same to all,
 * so that everybody's configuration is the whole text without his own section; a thousand members share it.
 */
export class FullMesh {
  readonly #stanzas = new Memo<string>()
  readonly #standby = new Memo<Standby>()

  prepare(facts: NetworkFacts): (member: Member) => Tunnel {
    const carried = new Map<Id, Prefix[]>()
    for (const { prefix, behind } of facts.destinations) {
      const [owner] = behind
      if (owner) carried.set(owner.id, [...(carried.get(owner.id) ?? []), prefix])
    }
    const places = new Map<Id, Place>()
    const stanzas: string[] = []
    let at = 0
    for (const member of facts.its.keyed) {
      const extra = carried.get(member.id) ?? []
      const text = this.#stanzas.of(member.id, [member, extra.join()], () => stanzaOf(facts, member, extra))
      stanzas.push(text)
      places.set(member.id, { from: at, to: at + text.length })
      at += text.length
    }
    const shared = facts.destinations.filter(({ behind }) => behind.length > 1)
    const standby = shared.map((way) =>
      this.#standby.of(way.prefix, [way], () => standbyOf(facts, [way.prefix], way.behind)),
    )
    this.#stanzas.forgetOthers()
    this.#standby.forgetOthers()
    const all = stanzas.join('')
    return (member) => {
      const place = places.get(member.id)
      const peers = place ? all.slice(0, place.from) + all.slice(place.to) : all
      const isHolder = shared.some(({ behind }) => behind.includes(member))
      return { peers, standby: isHolder ? standbyOfHolder(facts, shared, member) : standby }
    }
  }
}

type Place = { readonly from: number; readonly to: number }

/** Those who cannot be called call: only towards the others is a tunnel kept open. */
function stanzaOf({ namesOf }: NetworkFacts, member: Member, extra: readonly Prefix[]): string {
  const endpoint = endpointOf(member)
  return stanza({
    publicKey: member.publicKey ?? '',
    allowed: [`${namesOf(member.id).linkLocal}/128`, `${member.address}/128`, ...extra],
    endpoint,
    keepalive: endpoint !== undefined,
  })
}

/** Whoever holds a prefix himself needs nobody for it; a gateway those that come before it. */
function standbyOfHolder(facts: NetworkFacts, shared: readonly Destination[], member: Member): readonly Standby[] {
  return shared.flatMap((destination) => {
    const { prefix, behind } = destination
    const at = behind.indexOf(member)
    const before = at < 0 ? behind : isFirstAlone(destination) ? behind.slice(0, at) : []
    return before.length > 1 ? [standbyOf(facts, [prefix], before)] : []
  })
}
