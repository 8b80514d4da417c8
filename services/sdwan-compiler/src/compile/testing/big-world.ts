import { createHash } from 'node:crypto'
import type { FirewallRule, Member, Network, Selector, World } from '../../world.ts'
import { hubOf, memberOf, networkId, networkOf, otherId, worldOf } from '../frr/testing/worlds.ts'

const TAGS = 50
const RULES = 200

/** A network of so many members with 200 rules and 50 tags, every member bearing two of them: the same each time. */
export function bigWorld(said: { members: number; hubs: number; topology: Network['topology'] }): World {
  const network = networkOf(1, { routingProtocol: 'static', topology: said.topology, cidr: 'fd10:7:7:1::/64' })
  const members = Array.from({ length: said.members }, (_, at) => bigMember(at + 1, at < said.hubs))
  return worldOf({ networks: [network], members, rules: Array.from({ length: RULES }, (_, at) => ruleOf(at)) })
}

export function bigMember(n: number, isHub: boolean): Member {
  const digest = createHash('sha256').update(`member ${n}`).digest()
  const groups = [0, 2, 4, 6].map((at) => (digest.readUInt16BE(at) | 1).toString(16))
  const said = {
    address: `fd10:7:7:1:${groups.join(':')}`,
    publicKey: digest.toString('base64'),
    tags: [`tag-${n % TAGS}`, `tag-${(n * 7 + 3) % TAGS}`],
  }
  const endpoint = `2001:db8::${n.toString(16)}`
  return isHub ? hubOf(1, n, { ...said, endpointV4: undefined, endpointV6: endpoint }) : memberOf(1, n, said)
}

function ruleOf(at: number): FirewallRule {
  const tag = (n: number): Selector => ({ kind: 'tag', tag: `tag-${n % TAGS}` })
  const others: readonly Selector[] = [
    { kind: 'all' },
    { kind: 'cidr', cidr: 'fd10:7:7:1::/64' },
    { kind: 'cidr', cidr: '2001:db8:7::/48' },
  ]
  return {
    id: otherId(0x1000 + at),
    networkId: networkId(1),
    name: `rule-${at}`,
    priority: at * 10,
    action: at % 9 === 0 ? 'drop' : 'accept',
    direction: (['ingress', 'both', 'egress'] as const)[at % 3] ?? 'both',
    protocol: at % 5 === 0 ? 'udp' : 'tcp',
    src: at % 4 === 0 ? (others[at % 3] ?? tag(at)) : tag(at),
    dst: tag(at * 3 + 1),
    dstPorts: { from: 1000 + at, to: 1000 + at + (at % 2) * 10 },
  }
}
