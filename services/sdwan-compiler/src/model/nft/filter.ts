import type { Ip } from '../address.ts'
import { type Groups, groupsOf } from './groups.ts'
import type { Match, Rule, Verdict } from './rule.ts'
import type { Chain, HookPoint, Table } from './script.ts'
import type { Packet, Spoken, Outcome } from './packet.ts'

type Final = { readonly chain: string; readonly rule: Rule | undefined; readonly verdict: Verdict }
type Bits = Uint32Array

/** Which rules of a chain agree, by what is said of a packet: a chain says it in every table that it stands in. */
const agreed = new WeakMap<Chain, Map<string, Bits>>()
const AGREED_AT_MOST = 20_000

/**
 * A table that answers fast: every chain knows, for each thing that can be said of a packet, which of its rules agree, as
 * bits; the first bit that all have is the rule. So 200 rules cost some tens of comparisons, and addresses that lie in the
 * same sets cost nothing anew.
 */
export class Firewall {
  readonly table: Table
  readonly #bases: ReadonlyMap<HookPoint, readonly Chain[]>
  readonly #early: ReadonlyMap<HookPoint, readonly Chain[]>
  readonly #groups: Groups

  constructor(table: Table) {
    this.table = table
    const bases = [...table.chains.values()].filter((chain) => chain.hook !== undefined)
    bases.sort((one, other) => (one.hook?.priority ?? 0) - (other.hook?.priority ?? 0))
    const isEarly = ({ hook }: Chain): boolean => (hook?.priority ?? 0) < FOLLOWED
    const pointOf = ({ hook }: Chain): HookPoint => hook?.point ?? 'input'
    this.#bases = Map.groupBy(bases.filter((chain) => !isEarly(chain)), pointOf) // prettier-ignore
    this.#early = Map.groupBy(bases.filter(isEarly), pointOf)
    for (const chain of table.chains.values()) {
      const isOdd = chain.rules.some((rule) => isEarly(chain) !== (rule.zone !== undefined))
      if (isOdd)
        throw new Error(`nft: ${chain.name} says the zone of a connection too late, or something else too early`)
    }
    const matches = [...table.chains.values()].flatMap(({ rules }) => rules.flatMap((rule) => rule.matches))
    const values = matches.flatMap((match) => (ADDRESSES.has(match.field) ? match.values : []))
    this.#groups = groupsOf(new Set(values), table.sets)
  }

  /** Which sets and prefixes of the table an address lies in: two of one kind are treated alike by every rule. */
  kindOf(ip: Ip): string {
    return this.#groups.kindOf(ip)
  }

  /** Whether a rule can speak of packets between two addresses, whatever else they are. */
  means({ matches }: Rule, src: Ip, dst: Ip): boolean {
    return matches.every(({ field, not, values }) => {
      if (!ADDRESSES.has(field)) return true
      const ip = SOURCE.has(field) ? src : dst
      return this.#lies({ field, not, values }, ip, field.endsWith('4') ? 4 : 6)
    })
  }

  watches(point: HookPoint): boolean {
    return this.#bases.has(point)
  }

  /** Where the connection of a packet is looked for, and kept: by the interface alone that it comes or goes by. */
  zoneOf(point: 'prerouting' | 'output', name: string): number {
    const field = point === 'output' ? 'oifname' : 'iifname'
    const speaking = (this.#early.get(point) ?? []).flatMap(
      ({ rules }) =>
      rules.filter(({ matches }) => matches.every((match) => match.field === field && match.values.includes(name) !== match.not)), // prettier-ignore
    )
    return speaking.at(-1)?.zone ?? 0
  }

  judge(point: HookPoint, packet: Packet): Outcome {
    const spoken: Spoken[] = []
    for (const base of this.#bases.get(point) ?? []) {
      if (base.hook?.kind === 'nat' && packet.state !== 'new') continue
      const final = this.#run(base, packet) ?? { chain: base.name, rule: undefined, verdict: { kind: base.policy } }
      const { verdict } = final
      const word = verdict.kind
      if (word === 'jump' || word === 'goto' || word === 'map' || word === 'return' || word === 'continue') {
        throw new Error(`${word} is no last word`)
      }
      spoken.push({ chain: final.chain, rule: final.rule?.comment, verdict: word })
      if (word === 'drop' || word === 'reject') return { passes: false, spoken, translation: undefined }
      if (verdict.kind === 'dnat' || verdict.kind === 'snat') return { passes: true, spoken, translation: verdict }
    }
    return { passes: true, spoken, translation: undefined }
  }

  /** Undefined when the chain has nothing to say: the packet goes back to who sent it there. */
  #run(chain: Chain, packet: Packet): Final | undefined {
    const agreeing = this.#agreeingWith(chain, packet)
    for (let at = nextOf(agreeing, 0); at >= 0; at = nextOf(agreeing, at + 1)) {
      const rule = chain.rules[at]
      if (!rule) return undefined
      const verdict = rule.verdict.kind === 'map' ? caseOf(rule.verdict, packet) : rule.verdict
      if (!verdict || verdict.kind === 'continue') continue
      if (verdict.kind === 'return') return undefined
      if (verdict.kind !== 'jump' && verdict.kind !== 'goto') return { chain: chain.name, rule, verdict }
      const target = this.table.chains.get(verdict.chain)
      const final = target && this.#run(target, packet)
      if (final || verdict.kind === 'goto') return final
    }
    return undefined
  }

  /** Which rules agree with a packet, by what they look at. */
  #agreeingWith(chain: Chain, packet: Packet): readonly [Bits, Bits, Bits, Bits, Bits] {
    const known = agreed.get(chain) ?? new Map<string, Bits>()
    if (known.size === 0) agreed.set(chain, known)
    if (known.size > AGREED_AT_MOST) known.clear()
    const { src, dst, protocol, sport, dport, icmp, state, translated, iif, oif, sdif, local } = packet
    const kind = `${src.family}${protocol} ${sport} ${dport} ${icmp} ${state} ${translated ? 1 : 0}${local ? 1 : 0}`
    return [
      this.#agreeing({ chain, known, key: `s${this.#groups.kindOf(src)}`, fields: SOURCE, packet }),
      this.#agreeing({ chain, known, key: `d${this.#groups.kindOf(dst)}`, fields: DESTINATION, packet }),
      this.#agreeing({ chain, known, key: `k${kind}`, fields: KIND, packet }),
      this.#agreeing({ chain, known, key: `i${iif} ${sdif}`, fields: IN, packet }),
      this.#agreeing({ chain, known, key: `o${oif}`, fields: OUT, packet }),
    ]
  }

  #agreeing(asked: {
    chain: Chain
    known: Map<string, Bits>
    key: string
    fields: ReadonlySet<string>
    packet: Packet
  }): Bits {
    const { chain, known, key, fields, packet } = asked
    const before = known.get(key)
    if (before) return before
    const bits = new Uint32Array((chain.rules.length + 31) >> 5)
    for (const [index, rule] of chain.rules.entries()) {
      const agrees = rule.matches.every((match) => !fields.has(match.field) || this.#agrees(match, packet))
      if (agrees) bits[index >> 5] = (bits[index >> 5] ?? 0) | (1 << (index & 31))
    }
    known.set(key, bits)
    return bits
  }

  #agrees(match: Match, packet: Packet): boolean {
    switch (match.field) {
      case 'saddr4':
      case 'saddr6':
        return this.#lies(match, packet.src, match.field === 'saddr4' ? 4 : 6)
      case 'daddr4':
      case 'daddr6':
        return this.#lies(match, packet.dst, match.field === 'daddr4' ? 4 : 6)
      case 'sport':
      case 'dport':
        return (
          match.values.some((value) => inRange(value, packet[match.field === 'sport' ? 'sport' : 'dport'])) !==
          match.not
        )
      case 'ct count':
      case 'limit':
        return false
      default:
        return match.values.includes(wordOf(match.field, packet)) !== match.not
    }
  }

  /** A comparison with an address of the other family never agrees, not even when it is turned round. */
  #lies(match: Match, ip: Ip, family: 4 | 6): boolean {
    return ip.family === family && this.#groups.lies(match.values, ip) !== match.not
  }
}

/** From this priority on the kernel knows to which connection a packet belongs (NF_IP_PRI_CONNTRACK). */
const FOLLOWED = -200

const ADDRESSES: ReadonlySet<string> = new Set(['saddr4', 'saddr6', 'daddr4', 'daddr6'])
const SOURCE: ReadonlySet<string> = new Set(['saddr4', 'saddr6'])
const DESTINATION: ReadonlySet<string> = new Set(['daddr4', 'daddr6'])
const IN: ReadonlySet<string> = new Set(['iifname', 'sdifname'])
const OUT: ReadonlySet<string> = new Set(['oifname'])
const KIND: ReadonlySet<string> = new Set(
  'fib|way back|family|protocol|sport|dport|icmp|ct state|ct mark|ct status|ct direction|ct count|limit'.split('|'),
)

function caseOf(map: Extract<Verdict, { kind: 'map' }>, packet: Packet): Verdict | undefined {
  return map.cases.get(wordOf(map.field, packet))
}

function wordOf(field: Match['field'], packet: Packet): string {
  switch (field) {
    case 'iifname':
      return packet.iif
    case 'oifname':
      return packet.oif
    case 'sdifname':
      return packet.sdif
    case 'fib':
      return packet.local ? 'local' : 'unicast'
    case 'way back':
      return 'there' // nobody is asked about who comes in a LAN's name by another link
    case 'family':
      return packet.src.family === 4 ? 'ipv4' : 'ipv6'
    case 'protocol':
      return packet.protocol
    case 'icmp':
      return packet.icmp
    case 'ct state':
      return packet.state
    case 'ct status':
      return packet.translated ? 'dnat' : ''
    case 'ct mark':
      return '0' // of a connection that has its rule
    case 'ct direction':
      return packet.state === 'established' ? 'reply' : 'original'
    default:
      throw new Error(`nft: ${field} has no word`)
  }
}

function inRange(value: string, port: number): boolean {
  const [from = '', to = from] = value.split('-')
  return Number(from) <= port && port <= Number(to)
}

/** The next rule from a place on that agrees with everything, or -1. */
function nextOf(
  [source, destination, kinds, ins, outs]: readonly [Bits, Bits, Bits, Bits, Bits],
  from: number,
): number {
  for (let word = from >> 5; word < source.length; word += 1) {
    let left =
      (source[word] ?? 0) & (destination[word] ?? 0) & (kinds[word] ?? 0) & (ins[word] ?? 0) & (outs[word] ?? 0)
    if (word === from >> 5) left &= -1 << (from & 31)
    if (left !== 0) return (word << 5) + (31 - Math.clz32(left & -left))
  }
  return -1
}
