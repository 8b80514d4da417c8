import type { Firewall } from './firewall.ts'
import { guardsOf, saidAcross } from './guards.ts'
import { some } from './interfaces.ts'
import type { Nat } from './nat.ts'
import { together } from '../text.ts'
import { zonesOf } from './zones.ts'

/**
 * The whole of a node's table, for `nft -f`. The first two lines make one transaction of it: the table goes and comes in one
 * step, be it there before or not. Chains with hooks accept by policy and only hand on what comes or goes by our interfaces:
 * the rest of the node (its SSH, our own agent's road) is none of our business.
 *
 * `forward_out` is a chain of its own behind `forward`, `input_both` behind `input` and `output_own` behind `output`, because `accept`
 * ends the chain that it is said in: what goes from one network into another has to please both.
 */
export function scriptOf(firewalls: readonly Firewall[], nats: readonly Nat[]): string {
  if (firewalls.length === 0) return ''
  const guards = guardsOf(firewalls, nats)
  const zones = zonesOf(firewalls)
  const across = saidAcross(firewalls)
  const doors = (line: (firewall: Firewall) => string): string => firewalls.map(line).join('')
  return together([
    'table inet powernode_sdwan\ndelete table inet powernode_sdwan\ntable inet powernode_sdwan {\n',
    ...firewalls.flatMap(({ self, body }) => [self, body.text]),
    ...nats.map(({ text }) => text),
    base('zones_in', 'filter hook prerouting priority raw', zones.in),
    base('zones_out', 'filter hook output priority raw', zones.out),
    base('input', 'filter hook input priority filter', guards.input + doors((one) => into(one, one.doors.in))),
    base('input_both', 'filter hook input priority 1', guards.both.input),
    base('forward', 'filter hook forward priority filter', guards.forward + doors((one) => into(one, one.doors.through))), // prettier-ignore
    base('forward_out', 'filter hook forward priority 1', guards.both.forward + doors(leaving)),
    base('output', 'filter hook output priority filter', across.others + doors((one) => `\t\toifname ${some(one.interfaces)} jump ${one.doors.out}\n`)), // prettier-ignore
    base('output_own', 'filter hook output priority 1', across.own),
    base('prerouting', 'nat hook prerouting priority dstnat', nats.map(({ prerouting }) => prerouting).join('')),
    base('postrouting', 'nat hook postrouting priority srcnat', nats.map(({ postrouting }) => postrouting).join('')),
    '}\n',
  ])
}

function base(name: string, hook: string, lines: string): string {
  return lines === '' ? '' : `\tchain ${name} {\n\t\ttype ${hook}; policy accept;\n${lines}\t}\n`
}

/** What came by a network is judged by its rules. */
const into = (firewall: Firewall, chain: string): string =>
  firewall.came.map((came) => `\t\t${came} jump ${chain}\n`).join('') // prettier-ignore

/** What leaves by our interfaces and came from elsewhere: what came by them was judged already. */
function leaving(firewall: Firewall): string {
  const ours = some(firewall.interfaces)
  const elsewhere = firewall.inVrf ? `iifname != ${ours} meta sdifname != ${ours}` : `iifname != ${ours}`
  return `\t\toifname ${ours} ${elsewhere} jump ${firewall.doors.leaving}\n`
}
