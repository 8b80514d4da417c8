import type { WireGuardInterface } from '../plan.ts'
import type { Id } from '../world.ts'
import { mustIp } from './address.ts'
import { handOver } from './handover.ts'
import { type Chosen, routeFor } from './lookup.ts'
import type { Model } from './model.ts'
import type { ModelNode } from './model-node.ts'
import type { Packet, Spoken } from './nft/packet.ts'
import type { HookPoint } from './nft/script.ts'
import type { Step, Way, Rest, Translation, Start, Asked, Known } from './way.ts'

/** The name of whatever a LAN hangs on: no interface of ours, so that no rule of ours speaks of it by name. */
const LAN = 'lan'
/** The packet has come out of a table's device, into that table. */
type Device = { readonly device: string }
const MOST_STEPS = 16

/** Sends one packet on its way through what was compiled; an answer where `known` says what its question left behind. */
export function walk(model: Model, start: Start, asked: Asked, known?: Known): Way {
  return new Walk(model, start, { asked, known }).toItsEnd()
}

class Walk {
  readonly #model: Model
  readonly #known: Known | undefined
  readonly #steps: Step[] = []
  readonly #translations = new Map<Id, Translation>()
  #node: ModelNode
  #vrf: string | undefined
  #from: Start['from'] | Device
  #packet: Asked
  /** In which zone the node that it is at looks for its connection. */
  #zone = 0
  readonly #zones = new Map<Id, number>()
  /** What the firewall of the node that it is at has said so far. */
  #spoken: Spoken[] = []

  constructor(model: Model, { node, vrf, from }: Start, { asked, known }: { asked: Asked; known: Known | undefined }) {
    this.#model = model
    this.#known = known
    this.#node = node
    this.#vrf = vrf
    this.#from = from
    this.#packet = asked
  }

  toItsEnd(): Way {
    for (let count = 0; count < MOST_STEPS; count += 1) {
      const end = this.#pass(count)
      if (end) return end
    }
    return this.#stop('it goes in circles')
  }

  /** Through one node. Undefined: it was handed to the next. */
  #pass(count: number): Way | undefined {
    this.#spoken = []
    if (this.#from !== undefined) this.#follow('prerouting', this.#names().by)
    this.#turnBackDestination()
    if (this.#from !== undefined && !this.#judge('prerouting', '')) {
      this.#step('', undefined)
      return this.#stop(`${this.#speaker()} drops it before it is routed`)
    }
    const route = this.#route()
    if (!route) {
      this.#step('', undefined, 'no route')
      return this.#stop('there is no route')
    }
    if (route.kind === 'local') return this.#arrive(route, count === 0 && this.#from === undefined)
    const oif = interfaceOf(route)
    const own = this.#from === undefined
    if (own) this.#follow('output', oif)
    if (!this.#judge(own ? 'output' : 'forward', oif))
      return this.#refuse(own ? 'where it leaves' : 'on the way', route)
    this.#judge('postrouting', oif)
    this.#turnBackSource()
    return this.#leave(route)
  }

  #leave(route: Chosen): Way | undefined {
    if (route.kind === 'table') return this.#turnInto(route)
    if (route.kind === 'tunnel') return this.#handOn(route.interface, route)
    this.#step(interfaceOf(route), route)
    return this.#rest('lan', undefined)
  }

  /** Out by the device of another table of the same node: there it is routed once more, and goes on as if the node had sent it. */
  #turnInto(by: Chosen & { readonly kind: 'table' }): Way | undefined {
    this.#step(interfaceOf(by), by)
    this.#spoken = []
    this.#vrf = by.vrf
    this.#from = { device: interfaceOf(by) }
    const route = this.#route()
    if (!route || route.kind === 'table') {
      this.#step('', route, 'no route')
      return this.#stop('there is no route')
    }
    if (route.kind === 'local') return this.#arrive(route, false)
    this.#from = undefined
    return this.#judge('output', interfaceOf(route)) ? this.#leave(route) : this.#refuse('where it leaves', route)
  }

  #refuse(where: string, route: Chosen): Way {
    this.#step(interfaceOf(route), route)
    return this.#stop(`${this.#speaker()} refuses it ${where}`)
  }

  #arrive(route: Chosen, own: boolean): Way {
    const passes = own || this.#judge('input', '')
    this.#step('', route)
    if (!passes) return this.#stop(`${this.#speaker()} refuses it where it arrives`)
    return this.#rest('node', typeof this.#from === 'object' && 'name' in this.#from ? this.#from : undefined)
  }

  #handOn(out: WireGuardInterface, route: Chosen): Way | undefined {
    const { src, dst } = this.#packet
    const there = handOver(this.#model, { node: this.#node, interface: out, src, dst })
    this.#step(out.name, route, there.kind === 'lost' ? there.why : '')
    if (there.kind === 'lost') return this.#stop(there.why)
    if (there.kind === 'peer') return this.#rest('peer', out)
    this.#node = there.node
    this.#from = there.interface
    this.#vrf = there.interface.vrfName
    return undefined
  }

  #follow(point: 'prerouting' | 'output', name: string): void {
    this.#zone = this.#node.firewall.zoneOf(point, name)
    this.#zones.set(this.#node.id, this.#zone)
  }

  /** What the node knows of the question that this answers; nothing, where it looks for it in another place. */
  get #here(): Translation | undefined {
    return this.#isKnown ? this.#known?.translations.get(this.#node.id) : undefined
  }

  get #isKnown(): boolean {
    return this.#known?.zones.get(this.#node.id) === this.#zone
  }

  #route(): Chosen | undefined {
    return routeFor(this.#model, this.#node, this.#vrf, this.#packet.dst)
  }

  #judge(point: HookPoint, oif: string): boolean {
    const node = this.#node
    if (!node.firewall.watches(point)) return true
    const outcome = node.firewall.judge(point, {
      ...this.#packet,
      ...this.#names(),
      oif,
      state: this.#state(),
      translated: this.#translations.has(node.id) || this.#here !== undefined,
      local: point === 'prerouting' && this.#route()?.kind === 'local',
    })
    this.#spoken.push(...outcome.spoken)
    if (outcome.translation) this.#translate(outcome.translation)
    return outcome.passes
  }

  /** Behind a VRF device, packets seem to come from that. Network namespaces as VRFs show the interface itself. */
  #names(): { readonly by: string; readonly iif: string; readonly sdif: string } {
    if (this.#from === undefined) return { by: '', iif: '', sdif: '' }
    if (this.#from === 'lan') return { by: LAN, iif: LAN, sdif: '' }
    if ('device' in this.#from) return { by: this.#from.device, iif: this.#from.device, sdif: '' }
    const { name, vrfName } = this.#from
    const hidden = vrfName !== undefined && this.#model.vrfs === 'kernel'
    return hidden ? { by: name, iif: vrfName, sdif: name } : { by: name, iif: name, sdif: '' }
  }

  /** What a node makes of an answer to a question that it never saw: of TCP nothing, of others a question. */
  #state(): Packet['state'] {
    if (this.#known === undefined) return 'new'
    if (this.#isKnown) return 'established'
    return this.#packet.protocol === 'tcp' ? 'invalid' : 'new'
  }

  #translate({ kind, address, port }: { kind: 'dnat' | 'snat'; address: string; port: number | undefined }): void {
    const [packet, to] = [this.#packet, mustIp(address)]
    const before = this.#translations.get(this.#node.id)
    if (kind === 'snat') {
      this.#translations.set(this.#node.id, { ...before, src: { from: packet.src, to } })
      this.#packet = { ...packet, src: to }
      return
    }
    const there = { to, toPort: port ?? packet.dport }
    this.#translations.set(this.#node.id, { ...before, dst: { from: packet.dst, fromPort: packet.dport, ...there } })
    this.#packet = { ...packet, dst: there.to, dport: there.toPort }
  }

  #turnBackDestination(): void {
    const src = this.#here?.src
    if (src && this.#packet.dst.hex === src.to.hex) this.#packet = { ...this.#packet, dst: src.from }
  }

  #turnBackSource(): void {
    const dst = this.#here?.dst
    const { src, sport } = this.#packet
    if (dst && src.hex === dst.to.hex && sport === dst.toPort) {
      this.#packet = { ...this.#packet, src: dst.from, sport: dst.fromPort }
    }
  }

  #step(outInterface: string, route: Chosen | undefined, note = ''): void {
    const inInterface = this.#names().by
    const { prefix = '', source = '' } = route ?? {}
    const rules = this.#spoken
    this.#steps.push({
      nodeId: this.#node.id,
      inInterface,
      outInterface,
      route: prefix,
      routeSource: source,
      rules,
      note,
    })
  }

  #speaker(): string {
    const last = this.#spoken.at(-1)
    return last?.rule === undefined ? (last?.chain ?? 'the firewall') : `rule ${last.rule} in ${last.chain}`
  }

  #stop(end: string): Way {
    return { steps: this.#steps, end, at: undefined, translations: this.#translations, zones: this.#zones }
  }

  #rest(kind: Rest['kind'], its: WireGuardInterface | undefined): Way {
    const at = { kind, node: this.#node, interface: its, vrf: this.#vrf, packet: this.#packet }
    return { steps: this.#steps, end: '', at, translations: this.#translations, zones: this.#zones }
  }
}

/** The name of what a packet goes out by. */
function interfaceOf(route: Chosen): string {
  if (route.kind === 'tunnel') return route.interface.name
  return route.kind === 'table' ? route.vrf : LAN
}
