import type { Crossing, FirewallRule, Id, Member, Prefix, Selector } from '../../world.ts'
import { foundIn } from '../difference.ts'
import { bare } from '../names.ts'
import type { NetworkIndex } from '../world-index.ts'
import type { Tagged } from './tags.ts'
import { textOf, type Text } from '../text.ts'

/** Which end of a packet a selector speaks of. */
export type End = 'src' | 'dst'

/** What a selector stands for; undefined: nobody. */
export type Meant =
  | { readonly kind: 'all' }
  | { readonly kind: 'member'; readonly member: Member }
  | { readonly kind: 'tag'; readonly tag: string; readonly members: readonly Member[] }
  | { readonly kind: 'cidr'; readonly cidr: Prefix }
  | { readonly kind: 'peer'; readonly crossing: Crossing }

/** A rule with what its selectors stand for at the moment. */
export type MeantRule = {
  readonly rule: FirewallRule
  readonly src: Meant | undefined
  readonly dst: Meant | undefined
}

/** Resolves the selectors of a network. Of members only those of this network are meant: a rule reaches into no other. */
export function meantRules({ rules, members, crossings }: NetworkIndex, tagged: Tagged): readonly MeantRule[] {
  const meant = (selector: Selector): Meant | undefined => {
    switch (selector.kind) {
      case 'all':
        return { kind: 'all' }
      case 'cidr':
        return { kind: 'cidr', cidr: selector.cidr }
      case 'member': {
        const member = foundIn(members, selector.memberId)
        return member && { kind: 'member', member }
      }
      case 'tag': {
        const some = tagged.get(selector.tag) ?? []
        return some.length > 0 ? { kind: 'tag', tag: selector.tag, members: some } : undefined
      }
      default: {
        const crossing = crossings.find(({ peerId }) => peerId === selector.peerId)
        return crossing && crossing.accepted.length > 0 ? { kind: 'peer', crossing } : undefined
      }
    }
  }
  return rules.map((rule) => ({ rule, src: meant(rule.src), dst: meant(rule.dst) }))
}

/** What is written for one end of a packet, where everybody is known by name. `through` names the way of a crossing, if it is here. */
export function clauseOf(
  networkId: Id,
  end: End,
  meant: Meant,
  through: (peerId: Id, end: End) => string | undefined,
): string {
  const at = end === 'src' ? 'saddr' : 'daddr'
  switch (meant.kind) {
    case 'all':
      return ''
    case 'member':
      return `ip6 ${at} ${meant.member.address}`
    case 'tag':
      return `ip6 ${at} @${tagSet(networkId, meant.tag)}`
    case 'cidr':
      return cidrClause(end, meant.cidr)
    default: {
      const { peerId } = meant.crossing
      const way = through(peerId, end)
      const name = `${end === 'src' ? 'iifname' : 'oifname'} "${way ?? ''}" `
      return `${way === undefined ? '' : name}ip6 ${at} @${peerSet(networkId, peerId)}`
    }
  }
}

export const cidrClause = (end: End, cidr: Prefix): string =>
  `${isV4(cidr) ? 'ip' : 'ip6'} ${end === 'src' ? 'saddr' : 'daddr'} ${cidr}`

export const isV4 = (cidr: Prefix): boolean => !cidr.includes(':')

export const selfSet = (networkId: Id): string => `net_${bare(networkId)}_self`
const tagSet = (networkId: Id, tag: string): string => `net_${bare(networkId)}_tag_${tag}`
/** What a peer has of that which crosses. */
export const peerSet = (networkId: Id, peerId: Id): string => `net_${bare(networkId)}_theirs_${bare(peerId)}`

/** The sets that rules speak of, and those of crossings that end here, by name. */
export function setsOf(networkId: Id, rules: readonly MeantRule[], here: readonly Crossing[]): readonly Text[] {
  const sets = new Map<string, Text>()
  const addPeer = ({ peerId, accepted }: Crossing): void => {
    const name = peerSet(networkId, peerId)
    if (accepted.length > 0 && !sets.has(name)) sets.set(name, textOf(prefixSet(name, accepted)))
  }
  for (const crossing of here) addPeer(crossing)
  for (const meant of rules.flatMap(({ src, dst }) => [src, dst])) {
    if (meant?.kind === 'tag') {
      const name = tagSet(networkId, meant.tag)
      if (!sets.has(name)) sets.set(name, addressSet(name, meant.members))
    }
    if (meant?.kind === 'peer') addPeer(meant.crossing)
  }
  return [...sets].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, text]) => text)
}

const known = new WeakMap<readonly Member[], { readonly name: string; readonly text: Text }>()

/** Written once for as long as nobody joins or leaves. */
function addressSet(name: string, members: readonly Member[]): Text {
  const before = known.get(members)
  if (before?.name === name) return before.text
  const addresses = members.map(({ address }) => address).join(', ')
  const text = textOf(`\tset ${name} {\n\t\ttype ipv6_addr\n\t\telements = { ${addresses} }\n\t}\n`)
  known.set(members, { name, text })
  return text
}

/** Prefixes may lie in one another: the kernel takes only what is merged. */
export const prefixSet = (name: string, prefixes: readonly Prefix[]): string => {
  const type = prefixes.some(isV4) ? 'ipv4_addr' : 'ipv6_addr'
  return `\tset ${name} {\n\t\ttype ${type}\n\t\tflags interval\n\t\tauto-merge\n\t\telements = { ${prefixes.join(', ')} }\n\t}\n`
}
