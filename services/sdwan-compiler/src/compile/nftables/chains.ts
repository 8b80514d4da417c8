import type { Crossing, Id, Member, Network } from '../../world.ts'
import { bare, GONE_MARK } from '../names.ts'
import { peerSet, prefixSet, selfSet } from './selectors.ts'

/** The way of a crossing at one of our gateways. */
export type Way = { readonly crossing: Crossing; readonly interface: string; readonly inVrf: boolean }

/** How packets that came by it are known: behind a VRF device by that, and the interface is what they came to it by. */
const arrivals = ({ interface: name, inVrf }: Way): readonly string[] =>
  inVrf ? [`iifname "${name}"`, `meta sdifname "${name}"`] : [`iifname "${name}"`]

/** The chains of a network at one node, and which of them is asked for what. */
export type Doors = { readonly in: string; readonly through: string; readonly leaving: string; readonly out: string }

export const chainName = (networkId: Id, part: 'in' | 'fwd' | 'out' | 'leave' | 'arrive'): string =>
  `net_${bare(networkId)}_${part}`

export const chain = (name: string, lines: string): string => `\tchain ${name} {\n${lines}\t}\n`

/**
 * Answers to what was let through before, and what belongs to it. A connection whose rule has gone is known by a mark that the node's
 * agent puts on it: each of its packets is judged by the rules, as the first one is.
 */
export const ESTABLISHED = `\t\tct state established,related ct mark != ${GONE_MARK} counter accept\n`

/** Without neighbor discovery nobody finds anybody, and standby asks for signs of life at link-local addresses. */
export const LINK =
  '\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n' +
  '\t\tip6 saddr fe80::/10 icmpv6 type { echo-request, echo-reply } accept\n'

/**
 * BGP among the members of a network, before any rule: a rule that cut the routes would cut itself off from being changed. From
 * others than members it is held to the rules.
 */
export function bgpControl({ id, cidr }: Network, where: 'in' | 'fwd' | 'out'): string {
  const self = `@${selfSet(id)}`
  const [src, dst] = { in: [cidr, self], fwd: [cidr, cidr], out: [self, cidr] }[where]
  return `\t\tip6 saddr ${src} ip6 daddr ${dst} tcp dport 179 counter accept comment "control"\n`
}

/** The session over a crossing, and signs of life of the other end; nothing more reaches the gateway itself unasked. */
export function crossingControl(network: Network, ways: readonly Way[], where: 'in' | 'out'): string {
  return ways
    .filter(({ crossing }) => crossing.remote.length > 0)
    .flatMap((its) => {
      const { crossing, interface: name } = its
      const ends = `{ ${[...new Set(crossing.remote.map(({ address }) => address))].toSorted().join(', ')} }`
      const self = `@${selfSet(network.id)}`
      const ways = where === 'in' ? arrivals(its) : [`oifname "${name}"`]
      const [src, dst] = where === 'in' ? [ends, self] : [self, ends]
      return ways.flatMap((way) =>
        ['tcp dport 179', 'icmpv6 type echo-request'].map(
          (what) => `\t\t${way} ip6 saddr ${src} ip6 daddr ${dst} ${what} counter accept comment "control"\n`,
        ),
      )
    })
    .join('')
}

/**
 * What may cross at all: from what the peer has to what we offer it, and back. AllowedIPs say the same of the peer's half;
 * this says ours.
 */
export function crossingGuards(network: Network, ways: readonly Way[], where: 'in' | 'fwd' | 'out'): string {
  const drop = (way: string, peerId: Id): string => `\t\t${way} counter drop comment "crossing ${peerId}"\n`
  return ways
    .map((its) => {
      const { crossing, interface: name } = its
      const { peerId, accepted, advertised } = crossing
      const [theirs, ours] = [`@${peerSet(network.id, peerId)}`, `@${offeredSet(network.id, peerId)}`]
      const from = `oifname "${name}"`
      if (accepted.length === 0 || advertised.length === 0) {
        const all = arrivals(its).map((into) => drop(into, peerId)).join('') // prettier-ignore
        return (where === 'out' ? '' : all) + (where === 'in' ? '' : drop(from, peerId))
      }
      const arriving = arrivals(its)
        .flatMap((into) => [
          drop(`${into} ip6 saddr != ${theirs}`, peerId),
          drop(`${into} ip6 daddr != ${ours}`, peerId),
        ])
        .join('')
      const leaving = drop(`${from} ip6 saddr != ${ours}`, peerId) + drop(`${from} ip6 daddr != ${theirs}`, peerId)
      return (where === 'out' ? '' : arriving) + (where === 'in' ? '' : leaving)
    })
    .join('')
}

/** Whatever the network's default: over a crossing goes what a rule accepts, and nothing else. */
export function crossingEnd(ways: readonly Way[], where: 'in' | 'fwd' | 'out'): string {
  return ways
    .map((its) => {
      const end = (way: string): string => `\t\t${way} counter drop comment "crossing ${its.crossing.peerId}"\n`
      const arriving = arrivals(its).map(end).join('')
      return (where === 'out' ? '' : arriving) + (where === 'in' ? '' : end(`oifname "${its.interface}"`))
    })
    .join('')
}

/** What we offer each peer whose crossing ends here. */
export function offerSets(network: Network, ways: readonly Way[]): string {
  return ways
    .filter(({ crossing: { accepted, advertised } }) => accepted.length > 0 && advertised.length > 0)
    .map(({ crossing: { peerId, advertised } }) => prefixSet(offeredSet(network.id, peerId), advertised))
    .join('')
}

const offeredSet = (networkId: Id, peerId: Id): string => `net_${bare(networkId)}_ours_${bare(peerId)}`

/** What no rule speaks of, where it arrives or passes. */
export const defaultEnd = ({ id, defaultPolicy }: Network): string =>
  defaultPolicy === 'drop' ? `\t\tcounter drop comment "default ${id}"\n` : ''

/** A member's own address under one name, so that the chains of all members are the same text. */
export const selfOf = (set: string, { address }: Member): string =>
  `\tset ${set} {\n\t\ttype ipv6_addr\n\t\telements = { ${address} }\n\t}\n`
