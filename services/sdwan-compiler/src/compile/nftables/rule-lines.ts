import type { FirewallRule, PortRange } from '../../world.ts'
import type { MeantRule } from './selectors.ts'

/**
 * A packet is judged twice: where it leaves, by rules of egress and both, and where it arrives, by rules of ingress and both.
 * Leaving can only be forbidden; arriving has to be allowed too where the network's default is drop. Whoever stands between
 * does both.
 */
export type Stage = 'leave' | 'arrive'

export const isIn = ({ direction }: FirewallRule, stage: Stage): boolean =>
  direction === 'both' || direction === (stage === 'leave' ? 'egress' : 'ingress')

/** One rule as a line of its stage. Leaving well is no leave to arrive: there `accept` goes on to what comes next. */
export function lineOf(rule: FirewallRule, stage: Stage, clauses: { src: string; dst: string }): string {
  const verdict = stage === 'leave' && rule.action === 'accept' ? 'return' : rule.action
  const words = [clauses.src, clauses.dst, protocolClause(rule), 'counter', verdict, `comment "${rule.id}"`]
  return `\t\t${words.filter((word) => word !== '').join(' ')}\n`
}

function protocolClause({ protocol, dstPorts }: FirewallRule): string {
  if (protocol === 'any') return ''
  if (protocol === 'icmp6') return 'meta l4proto icmpv6'
  return dstPorts ? `${protocol} dport ${portsOf(dstPorts)}` : `meta l4proto ${protocol}`
}

const portsOf = ({ from, to }: PortRange): string => (from === to ? `${from}` : `${from}-${to}`)

/** Why no packet can match a rule, whoever is meant by it; undefined: some can. */
export function contradictionIn({ rule, src, dst }: MeantRule): string | undefined {
  if (rule.dstPorts && rule.protocol !== 'tcp' && rule.protocol !== 'udp')
    return 'it has ports, but neither tcp nor udp'
  const families = new Set([src, dst].flatMap((meant) => (meant && meant.kind !== 'all' ? [familyOf(meant)] : [])))
  if (rule.protocol === 'icmp6') families.add('IPv6')
  return families.size > 1 ? 'it asks for IPv4 and IPv6 in one packet' : undefined
}

const familyOf = (meant: NonNullable<MeantRule['src']>): 'IPv4' | 'IPv6' =>
  meant.kind === 'cidr' && !meant.cidr.includes(':') ? 'IPv4' : 'IPv6'
