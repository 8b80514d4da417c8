import { expect, test } from 'vitest'
import { interfacesByNetwork, judgeOf, narrowedBy, speaksOf, type Connection } from './firewall-change.ts'
import { Places } from './places.ts'

const WEB = 'ip6 daddr @net_a_tag_web tcp dport 443 counter accept comment "r1"'
const SSH = 'ip6 saddr fd00::9 tcp dport 20-30 counter accept comment "r2"'
type Said = {
  arrive?: readonly string[]
  leave?: readonly string[]
  web?: string
  end?: string
  map?: readonly string[]
}
const script = ({
  arrive = [],
  leave = [],
  web = 'fd00::1, fd00::2',
  end = 'counter drop comment "default a"',
  map,
}: Said) =>
  `table inet powernode_sdwan\ndelete table inet powernode_sdwan\ntable inet powernode_sdwan {
\tset net_a_tag_web {\n\t\ttype ipv6_addr\n\t\telements = { ${web} }\n\t}
\tchain net_a_leave {\n${leave.map((line) => `\t\t${line}\n`).join('')}\t}
\tchain net_a_arrive {\n${arrive.map((line) => `\t\t${line}\n`).join('')}\t}
\tchain net_a_in {\n\t\tct state established,related ct mark != 1 counter accept\n\t\tip6 saddr fd00::/64 tcp dport 179 counter accept comment "control"\n\t\tjump net_a_arrive\n\t\t${end}\n\t}
${map ? `\tchain map_1 {\n${map.map((line) => `\t\t${line}\n`).join('')}\t}\n` : ''}\tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t\tiifname "wg-a" jump net_a_in\n\t}
}
`
const to = (dst: string, dport: number, more: Partial<Connection> = {}): Connection => ({ src: 'fd00::9', dst, protocol: 'tcp', dport, mappedFrom: undefined, ...more }) // prettier-ignore

/** Whether a connection that the first firewall let begin ends with the second. */
function ends(before: Said, after: Said, its: Connection): boolean {
  const isLet = judgeOf(script(after))
  return narrowedBy(script(before), script(after)).some((one) => speaksOf(one, its) && !isLet(one, its))
}

test.each<[string, Said, Said, Connection, boolean]>([
  ['a rule is gone: what it let in ends', { arrive: [WEB] }, {}, to('fd00::1', 443), true],
  ['and nothing else', { arrive: [WEB, SSH] }, { arrive: [SSH] }, to('fd00::1', 22), false],
  ['not what another rule lets in', { arrive: [WEB, SSH] }, { arrive: [SSH.replace('20-30', '1-999')] }, to('fd00::1', 443), false], // prettier-ignore
  ['a rule that came changes nothing', { arrive: [WEB] }, { arrive: [WEB, SSH] }, to('fd00::1', 443), false],
  ['a member that lost its tag', { arrive: [WEB] }, { arrive: [WEB], web: 'fd00::2' }, to('fd00::1', 443), true],
  ['not the one that has it still', { arrive: [WEB] }, { arrive: [WEB], web: 'fd00::2' }, to('fd00::2', 443), false],
  ['not those there before the one that got it', { arrive: [WEB], web: 'fd00::2' }, { arrive: [WEB] }, to('fd00::2', 443), false], // prettier-ignore
  ['a rule that stops came before', { arrive: [WEB] }, { arrive: ['ip6 saddr fd00::/120 counter drop comment "r3"', WEB] }, to('fd00::1', 443), true], // prettier-ignore
  ['or behind', { arrive: [WEB] }, { arrive: [WEB, 'ip6 saddr fd00::/120 counter drop comment "r3"'] }, to('fd00::1', 443), false], // prettier-ignore
  ['two rules changed places', { arrive: [WEB, 'tcp dport 443 counter drop'] }, { arrive: ['tcp dport 443 counter drop', WEB] }, to('fd00::1', 443), true], // prettier-ignore
  ['one may not leave any more', { arrive: [WEB] }, { arrive: [WEB], leave: ['ip6 saddr fd00::9 counter reject comment "r4"'] }, to('fd00::1', 443), true], // prettier-ignore
  [
    'a leave was taken back that nobody needed',
    { leave: [WEB.replace('accept', 'return')] },
    {},
    to('fd00::1', 443),
    false,
  ],
  ['what no rule speaks of is dropped now', { end: 'return' }, {}, to('fd00::1', 80), true],
  ['and BGP goes on', { end: 'return' }, {}, to('fd00::1', 179), false],
  [
    'what no rule speaks of passes still',
    { arrive: [WEB], end: 'return' },
    { end: 'return' },
    to('fd00::1', 443),
    false,
  ],
  ['where a mapping led elsewhere', { arrive: [WEB], map: ['tcp dport 8443 counter dnat ip6 to [fd00::1]:443'] }, { arrive: [WEB], map: ['tcp dport 8443 counter dnat ip6 to [fd00::2]:443'] }, to('fd00::1', 443, { mappedFrom: 8_443 }), true], // prettier-ignore
  ['not what came without it', { arrive: [WEB], map: ['tcp dport 8443 counter dnat ip6 to [fd00::1]:443'] }, { arrive: [WEB] }, to('fd00::1', 443), false], // prettier-ignore
])('%s', (_, before, after, its, expected) => {
  expect(ends(before, after, its)).toBe(expected)
})

test('the same firewall ends nothing, nor does the first one or none', () => {
  expect(narrowedBy(script({ arrive: [WEB] }), script({ arrive: [WEB] }))).toEqual([])
  expect(narrowedBy('', script({ arrive: [WEB] }))).toEqual([])
})

test('what another network of the same node lets in keeps nothing alive here, and what it drops ends nothing here', () => {
  const any = ['tcp dport 443 counter accept comment "r1"']
  const beside = (said: Said) =>
    script(said).replaceAll('net_a', 'net_b').replaceAll('wg-a', 'wg-b').replace('chain input', 'chain forward')
  const both = (ours: Said, theirs: Said) => script(ours) + beside(theirs)
  const [before, after] = [both({ arrive: any }, { arrive: any }), both({}, { arrive: any })]
  const its = to('fd00::1', 443)
  const isLet = judgeOf(after)
  const closed = narrowedBy(before, after).filter((one) => speaksOf(one, its))
  expect(closed.map(({ network }) => network)).toEqual(['net_a'])
  expect(closed.map((one) => isLet(one, its))).toEqual([false])
  expect(isLet({ stage: 'arrive', network: 'net_b' }, its)).toBe(true)
  expect(judgeOf(both({ end: 'return' }, {}))({ stage: 'arrive', network: 'net_a' }, to('fd00::1', 80))).toBe(true)
  expect(interfacesByNetwork(after)).toEqual(new Map([['net_a', new Set(['wg-a'])], ['net_b', new Set(['wg-b'])]])) // prettier-ignore
})

test('an address is found among many prefixes of both families and of every length, and in none of the other', () => {
  const places = new Places(['fd00:0:1::/48', 'fd00::9', '10.1.0.0/16', '192.0.2.7/32', '::/3', 'no prefix'])
  const held = ['fd00:0:1:ffff::1', 'fd00::9', '10.1.255.255', '192.0.2.7', '1fff::1']
  for (const each of held) expect(places.hold(each), each).toBe(true)
  for (const each of ['fd00:0:2::1', 'fd00::8', '10.2.0.0', '192.0.2.6', '2000::1', 'none']) expect(places.hold(each), each).toBe(false) // prettier-ignore
  expect(new Places(['::/0']).hold('10.1.2.3')).toBe(false)
  expect(new Places(['0.0.0.0/0']).hold('fd00::1')).toBe(false)
})
