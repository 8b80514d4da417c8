import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { NodeStateSchema } from '@powernode/proto/powernode/sdwan/v1/node_pb.ts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkState, StateRefused } from './check-state.ts'

const NODE = '0190a0b0-0000-7000-8000-000000000001'
const LIMITS = { instanceId: NODE, ovnEndpoints: [], keptPorts: [22] }
const KEY = 'YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY='
const NAME = 'wg-abcdefgh2345'
const VRF = { name: 'vr-abcdefgh2345', tableId: 201 }

type Said = MessageInitShape<typeof NodeStateSchema>
const wire = (said: Said) => create(NodeStateSchema, { nodeInstanceId: NODE, version: 'a'.repeat(64), ...said })
const tunnel = (said: object = {}) => ({
  name: NAME,
  addresses: ['fd00:77::1/128', 'fe80::1/64'],
  mtu: 1_420,
  listenPort: 51_820,
  config: `[Interface]\nListenPort = 51820\n\n[Peer]\nPublicKey = ${KEY}\nAllowedIPs = fd00:77::2/128, fe80::2/128\nEndpoint = [2001:db8::1]:51820\nPersistentKeepalive = 25\n`,
  routes: [{ prefix: 'fd00:77::/64', metric: 0, source: 'network:x' }],
  ...said,
})
const table = (inside: string): string =>
  `table inet powernode_sdwan\ndelete table inet powernode_sdwan\ntable inet powernode_sdwan {\n${inside}\n}\n`
const refused = (said: Said): string => {
  try {
    checkState(wire(said), LIMITS)
  } catch (error) {
    if (error instanceof StateRefused) return error.message
    throw error
  }
  throw new Error('it was taken')
}

test('a peer whose preshared key is withheld, and was never here, is left out: nobody is let in without one', () => {
  const OTHER = 'YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTc='
  const { config } = tunnel()
  const both = tunnel({
    config: `${config}\n[Peer]\nPublicKey = ${OTHER}\nAllowedIPs = fd00:77::3/128\nPersistentKeepalive = 25\n`,
    preshared: { [OTHER]: KEY },
    withheld: [KEY, OTHER],
    standby: [
      { prefixes: ['fd00:77:1::/64'], peers: [KEY, OTHER].map((publicKey) => ({ publicKey, address: 'fe80::2' })) },
      { prefixes: ['fd00:77:2::/64'], peers: [{ publicKey: KEY, address: 'fe80::2' }] },
    ],
  })
  const [its] = checkState(wire({ interfaces: [both] }), LIMITS).interfaces
  expect(its?.peers.map(({ publicKey }) => publicKey)).toEqual([OTHER])
  expect(its?.standby).toEqual([{ prefixes: ['fd00:77:1::/64'], peers: [expect.objectContaining({ publicKey: OTHER })] }]) // prettier-ignore
  expect(its?.routes, 'what was meant for it goes nowhere else').toHaveLength(1)
})

test('a state of ours is understood', () => {
  const state = checkState(wire({ interfaces: [tunnel()] }), LIMITS)
  expect(state.interfaces).toMatchObject([
    {
      name: NAME,
      peers: [
        {
          publicKey: KEY,
          allowedIps: ['fd00:77::2/128', 'fe80::2/128'],
          endpoint: { host: '2001:db8::1', port: 51_820 },
          keepaliveSeconds: 25,
        },
      ],
    },
  ])
})

describe('a tunnel is refused', () => {
  test.each<[string, object]>([
    ['with the name of another interface', { name: 'eth0' }],
    ['with a name that would be an option', { name: '-batch' }],
    ['with words behind its name', { name: `${NAME}\nlink del eth0` }],
    ['with an address of a whole prefix', { addresses: ['fd00:77::/64'] }],
    ['with the address of the machine itself', { addresses: ['127.0.0.1/32'] }],
    ['with a default route', { routes: [{ prefix: '::/0', metric: 0 }] }],
    ['with a part of everything', { routes: [{ prefix: '2000::/3', metric: 0 }] }],
    ['with half of IPv4', { routes: [{ prefix: '64.0.0.0/2', metric: 0 }] }],
    ['with a route to the machine itself', { routes: [{ prefix: '127.0.0.0/8', metric: 0 }] }],
    ['with a route to all neighbours', { routes: [{ prefix: 'fe80::/10', metric: 0 }] }],
    ['with a route that has host bits', { routes: [{ prefix: 'fd00:77::1/64', metric: 0 }] }],
    ['with a route into another table', { routes: [{ prefix: 'fd00:77::/64 table 255', metric: 0 }] }],
    ['in a VRF that is not there', { vrfName: 'vr-abcdefgh2345' }],
    ['that runs a command', { config: '[Interface]\nPostUp = reboot\n' }],
    ['that brings a private key', { config: `[Interface]\nPrivateKey = ${KEY}\n` }],
    ['with an endpoint that is none', { config: `[Interface]\n[Peer]\nPublicKey = ${KEY}\nEndpoint = $(id):1\n` }],
    ['that takes everything in', { config: `[Interface]\n[Peer]\nPublicKey = ${KEY}\nAllowedIPs = 0.0.0.0/0\n` }],
    ['with a peer twice', { config: `[Interface]\n[Peer]\nPublicKey = ${KEY}\n[Peer]\nPublicKey = ${KEY}\n` }],
    ['with a preshared key that is none', { preshared: { [KEY]: 'x\n[Peer]' } }],
    ['with a standby that is no peer', { standby: [{ prefixes: ['fd00::/64'], peers: [{ publicKey: NAME, address: 'fd00::1' }] }] }], // prettier-ignore
  ])('%s', (_, said) => {
    expect(refused({ interfaces: [tunnel(said)] })).not.toBe('')
  })
})

describe('a firewall is refused', () => {
  test.each([
    ['that empties every table', 'flush ruleset\n'],
    ['that is another table', 'table inet filter { }\n'],
    ['that goes on after ours', `${table('')}flush ruleset\n`],
    ['that reads a file', table('include "/etc/shadow"')],
    ['that holds a file in a chain', table('chain a {\ninclude "/etc/shadow"\n}')],
    ['that drops by policy', table('chain input {\ntype filter hook input priority filter; policy drop;\n}')],
    [
      'that drops for everybody',
      table('chain input {\ntype filter hook input priority filter; policy accept;\ncounter drop\n}'),
    ],
    [
      'that jumps for everybody',
      table('chain a {\ndrop\n}\nchain input {\ntype filter hook input priority filter; policy accept;\njump a\n}'),
    ],
    [
      'that drops by an interface that is not ours',
      table('chain input {\ntype filter hook input priority filter; policy accept;\niifname "eth0" drop\n}'),
    ],
    [
      'that drops for all but one',
      table(`chain input {\ntype filter hook input priority filter; policy accept;\niifname != "${NAME}" drop\n}`),
    ],
    [
      'that drops by the loopback interface, named without quotes among ours',
      table(`chain input {\ntype filter hook input priority filter; policy accept;\niifname { "${NAME}", lo } drop\n}`),
    ],
    [
      'that calls a chain like an interface of the machine, to drop by it',
      table(
        `chain eth0 {\n}\nchain input {\ntype filter hook input priority filter; policy accept;\niifname { "${NAME}", eth0 } drop\n}`,
      ),
    ],
    [
      'that calls a chain like an interface of the machine, to have it judged',
      table(
        `chain eth0 {\ndrop\n}\nchain input {\ntype filter hook input priority filter; policy accept;\niifname vmap { "${NAME}" : jump eth0, eth0 : drop }\n}`,
      ),
    ],
    [
      'that hangs before everything',
      table('chain input {\ntype filter hook ingress priority filter; policy accept;\n}'),
    ],
    [
      'that takes SSH',
      table(
        'chain m {\ntcp dport 22 dnat ip to 10.0.0.1:22\n}\nchain prerouting {\ntype nat hook prerouting priority dstnat; policy accept;\ntcp dport 22 jump m\n}',
      ),
    ],
    [
      'that takes every port',
      table('chain prerouting {\ntype nat hook prerouting priority dstnat; policy accept;\ndnat ip to 10.0.0.1\n}'),
    ],
    [
      'that hands packets to a program',
      table(`chain input {\ntype filter hook input priority filter; policy accept;\niifname "${NAME}" queue num 0\n}`),
    ],
    ...[
      ['everything that comes from elsewhere', '', 'iifname != { "IF", "lo" } drop'],
      ['what comes from elsewhere for an address of the machine', '', 'iifname != { "IF", "lo" } ip6 daddr fd00::99 drop'],
      ['what comes from elsewhere for all but an address of ours', '', 'iifname != { "IF", "lo" } ip6 daddr != fd00:77::1 drop'],
      ['what comes from elsewhere for one of many', '', 'iifname != { "IF", "lo" } ip6 daddr { fd00:77::1, fd00::99 } drop'],
      ['what comes from elsewhere for a set', 'set s {\ntype ipv6_addr\nelements = { fd00:77::1, fd00::99 }\n}', 'iifname != { "IF", "lo" } ip6 daddr @s drop'],
      ['what comes from elsewhere for a set of prefixes', 'set s {\ntype ipv6_addr\nflags interval\nelements = { fd00::/8 }\n}', 'iifname != { "IF", "lo" } ip6 daddr @s drop'],
      ['what the node sends itself', '', 'iifname != { "IF" } ip6 daddr fd00:77::1 drop'],
      ['what a mapping sent it, to somewhere else', '', 'iifname != { "IF", "lo" } ct status dnat dnat ip6 to fd00::9'],
      ['what is not for it, with its own address beside', '', 'fib daddr type local iifname != { "IF", "lo" } drop'],
    ].map(([what, set, line]) => [`that drops ${what}`, table(`${set}\nchain input {\ntype filter hook input priority filter; policy accept;\n${line?.replace('IF', NAME)}\n}`)]), // prettier-ignore
    ...[
      ['says where everybody’s connections are looked for', 'ct zone set 5'],
      ['says it for an interface that is not ours', 'iifname "eth0" ct zone set 5'],
      ['drops what comes out of a table', 'iifname "vr-abcdefgh2345" drop'],
      ['writes a mark on connections', `iifname "${NAME}" ct mark set 5`],
      ['writes a mark on packets', `iifname "${NAME}" meta mark set 5`],
      ['writes where a packet comes from', `iifname "${NAME}" ip6 saddr set fd00::9`],
    ].map(([what, line]) => [`that ${what}`, table(`chain zones {\ntype filter hook prerouting priority raw; policy accept;\n${line}\n}`)]), // prettier-ignore
    ['whose braces do not fit', table('chain a {')],
    ['with a quote left open', table('chain a {\ncounter comment "x\n}')],
  ])('%s', (_, nftables) => {
    expect(refused({ interfaces: [tunnel()], nftables })).toMatch(/firewall|table|chain/)
  })

  test('but not one that speaks of our interfaces alone, and maps a port', () => {
    const script = table(
      `set s {\ntype ipv6_addr\nflags interval\nauto-merge\nelements = { fd00::/64 }\n}\nset self {\ntype ipv6_addr\nelements = { fd00:77::1 }\n}\nchain net_in {\nct state established,related counter accept\nip6 saddr @s tcp dport 443 counter accept comment "rule; flush ruleset"\ncounter drop\n}\nchain map_1 {\ntcp dport 8443 counter dnat ip6 to [fd00::7]:443 comment "x"\n}\nchain zones_in {\ntype filter hook prerouting priority raw; policy accept;\niifname { "${NAME}", "fx-abcdefgh2345" } ct zone set 65534\n}\nchain zones_out {\ntype filter hook output priority raw; policy accept;\noifname "${NAME}" ct zone set 65534\n}\nchain input {\ntype filter hook input priority filter; policy accept;\niifname != { "${NAME}", "lo" } ct status dnat accept\niifname != { "${NAME}", "lo" } ip6 daddr @self ip6 saddr != fd00:78::/64 counter drop\niifname != { "${NAME}", "lo" } ip6 daddr @self ip6 saddr fd00:78::/64 fib saddr . iif oif missing counter drop\niifname "${NAME}" ip6 daddr != @self ip6 daddr != fe80::/10 counter drop\niifname { "${NAME}", "fx-abcdefgh2345" } jump net_in\nmeta sdifname "${NAME}" jump net_in\n}\nchain forward_out {\ntype filter hook forward priority 1; policy accept;\noifname "vr-abcdefgh2345" goto net_in\noifname { "${NAME}", "vr-abcdefgh2345" } ct state != untracked ip6 saddr @self jump net_in\n}\nchain prerouting {\ntype nat hook prerouting priority dstnat; policy accept;\nfib daddr type local meta nfproto ipv6 tcp dport 8443 jump map_1\n}`,
    )
    expect(checkState(wire({ interfaces: [tunnel()], nftables: script }), LIMITS).nftables).toBe(script)
  })
})

describe('an FRR configuration is refused', () => {
  test.each([
    'log file /root/.ssh/authorized_keys',
    'do show running-config',
    'interface eth0',
    'ip route 0.0.0.0/0 192.0.2.1',
    'router bgp 65001 vrf other',
    'router ospf',
    'password x',
    'agentx',
    'neighbor fd00::1 remote-as 1\u2028log file /x',
    'route-map a permit 10 ; do write',
    'redistribute kernel',
    'bgp as-path access-list a permit `id`',
    'ipv6 route fd00:78::/64 eth0 220 nexthop-vrf default',
    'ipv6 route fd00:78::/64 wg-zzzzzzzz2345 220 nexthop-vrf default',
    'ipv6 route fd00:78::/64 wg-abcdefgh2345 220 nexthop-vrf vr-zzzzzzzz2345',
    'ipv6 route fd00:78::/64 vr-abcdefgh2345 220 nexthop-vrf default',
    'ipv6 route fd00:78::/64 wg-abcdefgh2345 1 nexthop-vrf default',
    'ipv6 route ::/0 wg-abcdefgh2345 220 nexthop-vrf default',
    'ipv6 route ::/0 reject 220',
    'ipv6 route fd00:78::/64 2001:db8::1 220 nexthop-vrf default',
  ])('%j', (line) => {
    const frr = `frr defaults traditional\n${line}\n`
    expect(refused({ frr, interfaces: [tunnel()], vrfs: [VRF] })).toContain('a line that is not ours')
  })

  test('but not one whose routes lead from table to table by what this node has, or end', () => {
    const frr = `vrf vr-abcdefgh2345\n ipv6 route fd00:78::/64 ${NAME} 220 nexthop-vrf default\n ip route 10.3.0.0/24 reject 220\nexit-vrf\nipv6 route fd00:79::1/128 vr-abcdefgh2345 220 nexthop-vrf vr-abcdefgh2345\n`
    expect(checkState(wire({ frr, interfaces: [tunnel()], vrfs: [VRF] }), LIMITS).frr).toBe(frr)
  })
})

describe('an OVN plan is refused', () => {
  const plan = (commands: readonly (readonly string[])[], more: object = {}): Said => ({
    ovn: {
      deploymentId: NODE,
      nbDbEndpoint: 'tcp:192.0.2.1:6641',
      commands: commands.map((args) => ({ args: [...args] })),
      desired: { switches: ['s'], ports: ['s/p'], acls: [] },
      ...more,
    },
  })
  test.each<[string, readonly string[]]>([
    ['that removes a switch', ['ls-del', 's']],
    ['that speaks of a switch it does not want there', ['--may-exist', 'ls-add', 'theirs']],
    [
      'that marks a switch of others',
      ['set', 'Logical_Switch', 'theirs', `external_ids:powernode_ovn_deployment=${NODE}`],
    ],
    ['with a second command in one', ['--may-exist', 'ls-add', 's', '--', 'ls-del', 'theirs']],
    ['that writes a file', ['--log-file=/etc/cron.d/x', 'ls-add', 's']],
    ['with an ACL beside ours', ['acl-add', 's', 'to-lport', '1', '1', 'allow']],
    [
      'with a match that ends its quote',
      [
        '--id=@acl0',
        'create',
        'ACL',
        'direction=to-lport',
        'priority=1',
        'match="1" action=allow',
        'action=drop',
        'name=x',
        `external_ids:powernode_ovn_deployment=${NODE}`,
      ],
    ],
  ])('%s', (_, words) => {
    expect(refused(plan([words]))).toContain('not a command')
  })

  test('for a database on this machine, unless its operator named it', () => {
    const local = plan([], { nbDbEndpoint: 'unix:/run/ovn/nb.sock' })
    expect(refused(local)).toContain('not a northbound database')
    expect(checkState(wire(local), { ...LIMITS, ovnEndpoints: ['unix:/run/ovn/nb.sock'] }).ovn).toBeDefined()
    expect(() => checkState(wire(plan([])), { ...LIMITS, ovnEndpoints: ['unix:/run/ovn/nb.sock'] })).toThrow(
      'may write',
    )
  })
})

test('whatever a text is, it is understood or refused, and never a fault of ours', () => {
  const odd = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('"', '\n', ';', '{', '}', '$(id)', '`id`', '../', '--', '\u0000', '\u202e', 'wg-abcdefgh2345'),
  )
  const places: ((text: string) => Said)[] = [
    (text) => ({ interfaces: [tunnel({ name: text })] }),
    (text) => ({ interfaces: [tunnel({ addresses: [text] })] }),
    (text) => ({ interfaces: [tunnel({ config: `[Interface]\n${text}` })] }),
    (text) => ({ interfaces: [tunnel({ config: `[Interface]\n[Peer]\nPublicKey = ${KEY}\nEndpoint = ${text}\n` })] }),
    (text) => ({ interfaces: [tunnel({ routes: [{ prefix: text, metric: 0 }] })] }),
    (text) => ({ nftables: table(`chain a {\n${text}\n}`) }),
    (text) => ({
      nftables: table(`chain input {\ntype filter hook input priority filter; policy accept;\n${text} drop\n}`),
    }),
    (text) => ({ frr: text }),
    (text) => ({ vrfs: [{ name: text, tableId: 1_000 }] }),
    (text) => ({ heldAddresses: [{ cidr: text, interface: NAME }] }),
  ]
  fc.assert(
    fc.property(odd, fc.nat({ max: places.length - 1 }), (text, at) => {
      try {
        const state = checkState(wire(places[at]?.(text) ?? {}), LIMITS)
        // What was taken reaches a program only in an alphabet of ours.
        for (const { name, addresses, routes } of state.interfaces) {
          for (const word of [name, ...addresses, ...routes.map(({ prefix }) => prefix)])
            expect(word).toMatch(/^[a-z0-9:./-]+$/)
        }
      } catch (error) {
        expect(error).toBeInstanceOf(StateRefused)
      }
    }),
    { numRuns: 1_000 },
  )
})
