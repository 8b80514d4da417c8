import type { OvnAcl, OvnMatch, OvnPort, PortRange, Prefix } from '../../world.ts'
import { isPrefix } from '../alphabets.ts'
import { isName } from './text.ts'

/**
 * ARP and neighbor discovery, which no ACL of an operator drops: without them nobody finds the other's MAC address, and a drop of
 * `ip6.src != <prefix>` meets them too, since they come from link-local addresses.
 */
export const DISCOVERY = 'arp || nd || nd_rs || nd_ra'

/** Above every priority an operator can choose; OVN knows none above 32767. */
export const DISCOVERY_PRIORITY = 32_001

/** What an ACL matches as OVN's text, or why it can match nothing. */
export type MatchText = { readonly text: string } | { readonly nothing: string }

/**
 * The text is made of parts with types of their own, always in one order: equal matches give equal bytes. Parts that contradict one
 * another (an IPv4 source and an IPv6 destination) match nothing, and are said to.
 */
export function matchText(acl: OvnAcl, ports: ReadonlyMap<string, OvnPort>): MatchText {
  const { match } = acl
  const at = match.portId === undefined ? undefined : ports.get(match.portId)
  if (match.portId !== undefined && !at) return { nothing: `the switch has no port ${match.portId}` }
  if (at && !isName(at.name)) return { nothing: `the port ${at.id} has no usable name` }
  const wrong = contradictionOf(match)
  if (wrong !== undefined) return { nothing: wrong }
  const family = familyOf(match)
  const parts = [
    ...(at ? [`${acl.direction === 'from-lport' ? 'inport' : 'outport'} == "${at.name}"`] : []),
    ...familyText(match, family),
    ...cidrText('src', match.src),
    ...cidrText('dst', match.dst),
    ...protocolText(match, family),
  ]
  return { text: parts.length === 0 ? EVERYTHING : parts.join(' && ') }
}

/** Every frame, IP or not. */
const EVERYTHING = '1'

type Family = OvnMatch['family']

const FAMILIES: readonly Family[] = ['any', 'ip4', 'ip6']
const PROTOCOLS: readonly OvnMatch['protocol'][] = ['any', 'tcp', 'udp', 'icmp']

function contradictionOf(match: OvnMatch): string | undefined {
  const cidrs = [match.src, match.dst].flatMap((each) => (each ? [each.cidr] : []))
  const odd = cidrs.find((cidr) => !isPrefix(cidr))
  if (odd !== undefined) return 'an address block cannot be read'
  const families = new Set([...cidrs.map(familyOfCidr), ...(match.family === 'any' ? [] : [match.family])])
  if (families.size > 1) return 'it asks for IPv4 and IPv6 in one packet'
  if (!FAMILIES.includes(match.family) || !PROTOCOLS.includes(match.protocol)) return 'its family or protocol is none'
  if (match.dstPorts === undefined) return undefined
  if (match.protocol !== 'tcp' && match.protocol !== 'udp') return 'it asks for ports of a protocol that has none'
  return isRange(match.dstPorts) ? undefined : 'its ports are not a range from 1 to 65535'
}

/** The family that a match is of, said or by its addresses. */
function familyOf({ family, src, dst }: OvnMatch): Family {
  const cidr = src?.cidr ?? dst?.cidr
  return family === 'any' && cidr !== undefined ? familyOfCidr(cidr) : family
}

const familyOfCidr = (cidr: Prefix): 'ip4' | 'ip6' => (cidr.includes(':') ? 'ip6' : 'ip4')

/** Left out where an address or the protocol says it: those have the family as what they rest on. */
function familyText(match: OvnMatch, family: Family): string[] {
  const said = match.src !== undefined || match.dst !== undefined || match.protocol === 'icmp'
  return said || family === 'any' ? [] : [family]
}

function cidrText(end: 'src' | 'dst', side: OvnMatch['src']): string[] {
  return side ? [`${familyOfCidr(side.cidr)}.${end} ${side.not ? '!=' : '=='} ${side.cidr}`] : []
}

function protocolText({ protocol, dstPorts }: OvnMatch, family: Family): string[] {
  if (protocol === 'any') return []
  if (protocol === 'icmp') return [{ any: 'icmp', ip4: 'icmp4', ip6: 'icmp6' }[family]]
  if (!dstPorts) return [protocol]
  const { from, to } = dstPorts
  return from === to ? [`${protocol}.dst == ${from}`] : [`${protocol}.dst >= ${from}`, `${protocol}.dst <= ${to}`]
}

const isRange = ({ from, to }: PortRange): boolean =>
  Number.isInteger(from) && Number.isInteger(to) && from >= 1 && from <= to && to <= 65_535
