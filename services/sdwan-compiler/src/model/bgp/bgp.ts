import type { WireGuardInterface } from '../../plan.ts'
import type { Id } from '../../world.ts'
import { type Ip, type Net, PrefixTable, covers, holds, mustIp, mustNet } from '../address.ts'
import { callsThrough } from './calls.ts'
import type { Model } from '../model.ts'
import type { ModelNode } from '../model-node.ts'
import { type Best, type Statement, better, exported, imported, originated } from './decision.ts'
import type { Foreigner, Speaker } from './speaker.ts'

export type Learnt = { readonly net: Net; readonly interface: WireGuardInterface; readonly source: string }

type Session = { readonly ours: Speaker; readonly theirs: Speaker }
const MOST_ROUNDS = 64

/**
 * BGP as the routers of all nodes would settle it, for one prefix at a time and only when a packet asks for it. First those that
 * pass routes on, round after round until nothing changes; then whoever asks, from them: a spoke that reflects nothing
 * changes nobody else.
 */
export class Bgp {
  readonly #model: Model
  readonly #told: readonly Net[]
  readonly #speakers = new Map<string, Speaker>()
  readonly #carriers: Speaker[] = []
  readonly #origins = new PrefixTable<Map<Speaker, Statement>>()
  readonly #settled = new Map<string, ReadonlyMap<Speaker, Best>>()
  readonly #sessions = new Map<string, boolean>()
  readonly #foreigners = new Map<string, Foreigner>()
  #calling = false

  /** `told` is what peers tell us beyond what was agreed: a good border takes none of it. */
  constructor(model: Model, told: readonly Net[] = []) {
    this.#model = model
    this.#told = told
    for (const speaker of [...model.nodes.values()].flatMap((node) => node.speakers)) {
      this.#speakers.set(speaker.key, speaker)
      if (speaker.passesOn) this.#carriers.push(speaker)
      for (const statement of statementsOf(model, speaker)) {
        const { net } = statement
        const there = this.#origins.exact(net)
        if (there) there.set(speaker, statement)
        else this.#origins.put(net, new Map([[speaker, statement]]))
      }
    }
    for (const crossing of model.compiled.world.crossings) {
      for (const { address, asNumber } of crossing.remote) {
        this.#foreigners.set(address, { crossing, address, as: asNumber })
      }
    }
  }

  /** The longest prefix that a node has learnt for an address, and where it leads. */
  routeFor(node: ModelNode, vrf: string | undefined, ip: Ip): Learnt | undefined {
    const speaker = this.#calling ? undefined : this.#speakers.get(`${node.id} ${vrf ?? ''}`)
    if (!speaker) return undefined
    for (const net of this.#candidates(ip)) {
      const best = this.bestAt(speaker, net)
      if (!best || best.from === 'local') continue
      const through = this.#through(speaker, best)
      if (through) return { net, interface: through, source: sourceOf(best) }
    }
    return undefined
  }

  /** The best route of a speaker to a prefix; undefined when it knows none. */
  bestAt(speaker: Speaker, net: Net): Best | undefined {
    const settled = this.#settle(net)
    const known = settled.get(speaker)
    return known ?? this.#decide(speaker, net, settled)
  }

  /** Whether a peer hears from one of our gateways how to reach an address. */
  tells(peerId: Id, ip: Ip): boolean {
    return this.toldTo(peerId, ip).length > 0
  }

  /** The prefixes holding an address that a peer hears of. */
  toldTo(peerId: Id, ip: Ip): readonly Net[] {
    const hears = (net: Net): boolean =>
      this.#carriers.some((speaker) =>
        [...speaker.router.neighbors.values()].some((neighbor) => {
          if (this.#foreigners.get(neighbor.address)?.crossing.peerId !== peerId) return false
          const best = this.bestAt(speaker, net)
          return best !== undefined && exported(speaker, neighbor, best) !== undefined
        }),
      )
    return this.#candidates(ip).filter(hears)
  }

  #candidates(ip: Ip): readonly Net[] {
    const ours = [...this.#origins.all(ip)].map(({ net }) => net)
    const foreign = [...this.#foreigners.values()].flatMap(({ crossing }) => crossing.accepted.map(mustNet))
    const all = [...ours, ...[...foreign, ...this.#told].filter((net) => holds(net, ip))]
    const once = new Map(all.map((net) => [`${net.hex}/${net.length}`, net]))
    return [...once.values()].toSorted((one, other) => other.length - one.length)
  }

  #settle(net: Net): ReadonlyMap<Speaker, Best> {
    const key = `${net.hex}/${net.length}`
    const before = this.#settled.get(key)
    if (before) return before
    let state: ReadonlyMap<Speaker, Best> = new Map()
    const involved = [...new Set([...this.#carriers, ...(this.#origins.exact(net)?.keys() ?? [])])]
    for (let round = 0; ; round += 1) {
      if (round === MOST_ROUNDS) throw new Error(`bgp: the routes to ${key} never settle`)
      const last = state
      const next = involved.flatMap((speaker): [Speaker, Best][] => {
        const best = this.#decide(speaker, net, last)
        return best ? [[speaker, best]] : []
      })
      state = new Map(next)
      if (isSame(last, state)) break
    }
    this.#settled.set(key, state)
    return state
  }

  #decide(speaker: Speaker, net: Net, state: ReadonlyMap<Speaker, Best>): Best | undefined {
    const offers = [
      this.#originated(speaker, net),
      ...[...state.keys()].map((other) => this.#heard(speaker, other, state)),
      ...[...speaker.router.neighbors.keys()].map((address) => this.#fromForeigner(speaker, address, net)),
    ]
    const usable = offers.filter((offer) => offer !== undefined && this.#through(speaker, offer) !== undefined)
    return usable.reduce((one, other) => (one && other && better(one, other) ? one : (other ?? one)), undefined)
  }

  #originated(speaker: Speaker, net: Net): Best | undefined {
    const statement = this.#origins.exact(net)?.get(speaker)
    return statement && originated(speaker, statement)
  }

  #heard(speaker: Speaker, from: Speaker, state: ReadonlyMap<Speaker, Best>): Best | undefined {
    const best = state.get(from)
    if (!best || from === speaker || !this.#inSession({ ours: speaker, theirs: from })) return undefined
    const [to, by] = [from.neighborAt(speaker.addresses), speaker.neighborAt(from.addresses)]
    const sent = to && exported(from, to, best)
    return sent && by && imported(speaker, by, { sent, from })
  }

  #fromForeigner(speaker: Speaker, address: string, net: Net): Best | undefined {
    const foreigner = this.#foreigners.get(address)
    const neighbor = speaker.router.neighbors.get(address)
    if (!foreigner || !neighbor || neighbor.remoteAs !== foreigner.as) return undefined
    const agreed = foreigner.crossing.accepted.map(mustNet)
    const tells = [...agreed, ...this.#told].some((each) => covers(each, net) && covers(net, each))
    const most = neighbor.families.get(net.family)?.most
    if (!tells || (most !== undefined && agreed.length > most)) return undefined
    return imported(speaker, neighbor, { foreigner, net })
  }

  #inSession({ ours, theirs }: Session): boolean {
    const key = `${ours.key}|${theirs.key}`
    const before = this.#sessions.get(key)
    if (before !== undefined) return before
    const [one, other] = [ours.neighborAt(theirs.addresses), theirs.neighborAt(ours.addresses)]
    const agree = one?.remoteAs === theirs.router.as && other?.remoteAs === ours.router.as
    this.#calling = true
    const stands = agree && one && other ? callsThrough(this.#model, { ours, theirs, to: one, back: other }) : false
    this.#calling = false
    this.#sessions.set(key, stands)
    this.#sessions.set(`${theirs.key}|${ours.key}`, stands)
    return stands
  }

  /** The interface that leads to a route's next hop. */
  #through(speaker: Speaker, best: Best): WireGuardInterface | undefined {
    const [own] = speaker.node.plan.interfaces.filter(({ vrfName }) => vrfName === speaker.router.vrf)
    if (best.from === 'local') return own
    const found = this.#model.routes(speaker.node, speaker.router.vrf).lookup(mustIp(best.nextHop))
    const route = found?.value.find(({ kind }) => kind === 'tunnel')
    return route?.kind === 'tunnel' ? route.interface : undefined
  }
}

/** `network` lines, and what the kernel has that a route-map lets in. */
function statementsOf(model: Model, { node, router }: Speaker): readonly Statement[] {
  if (router.redistributed.length === 0) return router.networks
  const kernel = [...model.routes(node, router.vrf).entries()].flatMap(({ net, value }) =>
    router.redistributed
      .filter(
        ({ kind, family }) =>
          family === net.family && value.some((route) => (route.kind === 'tunnel') === (kind === 'kernel')),
      )
      .map(({ map }): Statement => ({ net, map })),
  )
  return [...kernel, ...router.networks]
}

function isSame(one: ReadonlyMap<Speaker, Best>, other: ReadonlyMap<Speaker, Best>): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([speaker, best]) => {
    const there = other.get(speaker)
    return (
      there?.nextHop === best.nextHop &&
      there.peer === best.peer &&
      there.from === best.from &&
      there.told === best.told
    )
  })
}

function sourceOf(best: Best): string {
  return best.peerId === undefined ? 'bgp' : `federation:${best.peerId}`
}
