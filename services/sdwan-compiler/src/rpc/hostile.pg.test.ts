import fc from 'fast-check'
import { refusalOf, type Reason, type Refusal } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HUB, idOf, NetworkWorld, put, type Wanted } from '../testing/network-world.ts'

let world: NetworkWorld
let networkId: string
let memberId: string
let hubId: string
let switchId: string
let kept: string

beforeAll(async () => {
  world = await NetworkWorld.open()
  networkId = (await world.network('lab')).id
  hubId = (await world.member(networkId, 'hub-1', HUB)).id
  memberId = (await world.member(networkId, 'spoke-1', { lanSubnets: ['2001:db8:7::/48'] })).id
  const deployment = {
    id: idOf('ovn'),
    name: 'ovn',
    status: 'active',
    nbDbEndpoint: 'tcp:192.0.2.1:6641',
    sbDbEndpoint: 'tcp:192.0.2.1:6642',
  }
  switchId = idOf('switch')
  await world.change(
    put('ovnDeployment', deployment),
    put('ovnSwitch', { id: switchId, deploymentId: deployment.id, name: 'ls', state: 'active' }),
  )
  kept = await world.everythingKept()
})
afterAll(() => world.close())

const RULE = () => ({ networkId, name: 'r', action: 'accept', direction: 'both', protocol: 'tcp', priority: 1 })

/** What ends a line, a word or a block somewhere behind us, and what merely looks like something else. */
const HOSTILE = [
  '"; flush ruleset; #', 'a\nlist ruleset', 'a\r\nexit', "'; drop table member; --", '{ accept }', '$(reboot)', '`id`', 'a b', '../../etc',
  '\u0000', '\u202e', 'ｆd00::1', 'é', '|| 1', 'a;b', 'a}b', '-j', '@set', '!', '%s', '\\', 'fd00::1%eth0', '::ffff:192.0.2.1', '0x7f.1',
  '010.0.0.1', '1.2.3', 'fd00::1/129', 'fd00::1/64', '10.0.0.1/8', '1.2.3.4/33', 'FD00::/64 ', '[fd00::1]', 'ip6.src == ::/0 || 1',
] as const // prettier-ignore

/** Every field of intent that takes a text and reaches a node or a name, with what is written there. */
const FIELDS: Readonly<Record<string, (text: string) => Wanted>> = {
  'network.name': (name) => put('network', { name }),
  'network.slug': (slug) => put('network', { name: 'x', slug }),
  'network.status': (status) => put('network', { name: 'x', status }),
  'network.tenant_key': (tenantKey) => put('network', { name: 'x', tenantKey }),
  'network.pod_subnet_prefix': (podSubnetPrefix) => put('network', { name: 'x', podSubnetPrefix }),
  'member.name': (name) => put('member', { networkId, nodeInstanceId: idOf('n'), name }),
  'member.node_instance_id': (nodeInstanceId) => put('member', { networkId, nodeInstanceId }),
  'member.endpoint_host_v6': (endpointHostV6) => put('member', { networkId, nodeInstanceId: idOf('n'), endpointHostV6 }),
  'member.endpoint_host_v4': (endpointHostV4) => put('member', { networkId, nodeInstanceId: idOf('n'), endpointHostV4 }),
  'member.lan_subnets': (lan) => put('member', { networkId, nodeInstanceId: idOf('n'), lanSubnets: [lan] }),
  'member.tags': (tag) => put('member', { networkId, nodeInstanceId: idOf('n'), tags: [tag] }),
  'member.bgp_router_id_override': (bgpRouterIdOverride) => put('member', { networkId, nodeInstanceId: idOf('n'), bgpRouterIdOverride }),
  'member.public_key': (publicKey) => put('member', { networkId, nodeInstanceId: idOf('n'), publicKey }),
  'firewall_rule.name': (name) => put('firewallRule', { ...RULE(), name }),
  'firewall_rule.action': (action) => put('firewallRule', { ...RULE(), action }),
  'firewall_rule.protocol': (protocol) => put('firewallRule', { ...RULE(), protocol }),
  'firewall_rule.src.cidr': (cidr) => put('firewallRule', { ...RULE(), src: { kind: { case: 'cidr', value: cidr } } }),
  'firewall_rule.src.tag': (tag) => put('firewallRule', { ...RULE(), src: { kind: { case: 'tag', value: tag } } }),
  'firewall_rule.dst.member_id': (id) => put('firewallRule', { ...RULE(), dst: { kind: { case: 'memberId', value: id } } }),
  'port_mapping.source_cidrs': (cidr) => put('portMapping', { memberId: hubId, listenPort: 1, protocol: 'tcp', target: { case: 'targetMemberId', value: memberId }, sourceCidrs: [cidr] }),
  'virtual_ip.cidr': (cidr) => put('virtualIp', { networkId, name: 'v', cidr }),
  'route_policy.prefix_in': (prefix) => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', prefixIn: [{ prefix }] }] }),
  'route_policy.as_path_regex': (asPathRegex) => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', asPathRegex }] }),
  'route_policy.community_in': (community) => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', communityIn: [community] }] }),
  'route_policy.add_community': (addCommunity) => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', addCommunity }] }),
  'ovn_deployment.nb_db_endpoint': (nbDbEndpoint) => put('ovnDeployment', { name: 'o', status: 'active', nbDbEndpoint, sbDbEndpoint: 'tcp:192.0.2.1:6642' }),
  'ovn_switch.name': (name) => put('ovnSwitch', { deploymentId: idOf('ovn'), name }),
  'ovn_port.name': (name) => put('ovnPort', { switchId, name }),
  'ovn_port.mac': (mac) => put('ovnPort', { switchId, name: 'p', mac }),
  'ovn_port.addresses': (address) => put('ovnPort', { switchId, name: 'p', addresses: [address] }),
  'ovn_acl.name': (name) => put('ovnAcl', { switchId, name, direction: 'to-lport', action: 'drop' }),
  'ovn_acl.match.src_cidr': (srcCidr) => put('ovnAcl', { switchId, name: 'a', direction: 'to-lport', action: 'drop', match: { srcCidr } }),
  'prefix_access.advertise': (prefix) => put('prefixAccess', { peerId: idOf('p'), networkId, gatewayMemberIds: [hubId], advertise: [prefix] }),
  'prefix_access.accept': (prefix) => put('prefixAccess', { peerId: idOf('p'), networkId, gatewayMemberIds: [hubId], accept: [prefix] }),
  'test.src': (src) => put('test', { name: 't', src, accept: ['hub-1:tcp/443'] }),
  'test.accept': (accept) => put('test', { name: 't', src: 'hub-1', accept: [accept] }),
} // prettier-ignore

/** The refusal; a fault is thrown on. */
function refused(error: unknown): Refusal {
  const refusal = refusalOf(error)
  if (!refusal) throw error
  return refusal
}

/** What a field may hold at most: letters of every alphabet that is allowed anywhere, and none that ends a line or a word. */
const HARMLESS = /^[A-Za-z0-9 ._:/@[\]+=^$*?()|-]*$/

test('a thousand generated texts in every place that takes one: none that could end a line or a block reaches an artifact', async () => {
  const text = fc.oneof(
    fc.constantFrom(...HOSTILE),
    fc
      .tuple(fc.constantFrom('web', 'fd00::1', '10.0.0.0/8', '65000:1', 'a'), fc.constantFrom(...HOSTILE))
      .map(([a, b]) => `${a}${b}`),
    fc.string({ minLength: 1, maxLength: 60, unit: 'binary' }),
  )
  let count = 0
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...Object.keys(FIELDS)), text, async (field, said) => {
      const changes = [FIELDS[field]?.(said) ?? put('network', {})]
      const answer = await world.alice.changeIntent({ changes, dryRun: true }).catch(refused)
      if ('reason' in answer) {
        count++
        // By its type, or by what stands beside it; never by a fault, and never by the database.
        expect(['INTENT_INVALID', 'REQUEST_INVALID', 'PREFIX_OVERLAP', 'TEST_FAILED', 'INTENT_EXISTS', 'RULE_VANISHES'], field).toContain(answer.reason) // prettier-ignore
      } else expect(said, field).toMatch(HARMLESS)
    }),
    { numRuns: 1_000 },
  )
  expect(count).toBeGreaterThan(700)
  expect(await world.everythingKept()).toBe(kept)
})

test('everything that is wrong is said at once, by field', async () => {
  const refusal = await expectRefusal(
    world.change(
      put('network', { name: 'a\nb', podSubnetPrefix: '10.0.0.1/24' }),
      put('member', { networkId, nodeInstanceId: idOf('n'), endpointHostV6: '192.0.2.1', publiclyReachable: true }),
      put('firewallRule', { ...RULE(), protocol: 'any', dstPorts: { from: 9, to: 1 } }),
    ),
    'INTENT_INVALID',
  )
  expect(refusal.metadata['fields']?.split(',')).toEqual([
    'changes[0].network.pod_subnet_prefix', 'changes[0].network.name', 'changes[1].member.endpoint_host_v6', 'changes[2].firewall_rule.dst_ports',
  ]) // prettier-ignore
})

describe('what cannot be is refused with its reason, and nothing is kept', () => {
  const cases: readonly (readonly [string, Reason, () => Wanted])[] = [
    ['IPv4 where IPv6 belongs', 'INTENT_INVALID', () => put('member', { networkId, nodeInstanceId: idOf('n'), endpointHostV6: '192.0.2.7' })],
    ['a hub without an endpoint', 'INTENT_INVALID', () => put('member', { networkId, nodeInstanceId: idOf('n'), publiclyReachable: true })],
    ['two members at one endpoint', 'INTENT_INVALID', () => put('member', { networkId, nodeInstanceId: idOf('n'), ...HUB })],
    ['ports without a protocol that has them', 'INTENT_INVALID', () => put('firewallRule', { ...RULE(), protocol: 'icmp6', dstPorts: { from: 1, to: 2 } })],
    ['a rule from IPv4 to IPv6', 'INTENT_INVALID', () => put('firewallRule', { ...RULE(), src: { kind: { case: 'cidr', value: '10.0.0.0/8' } }, dst: { kind: { case: 'cidr', value: 'fd00::/8' } } })],
    ['a rule that names nobody', 'INTENT_INVALID', () => put('firewallRule', { ...RULE(), src: { kind: { case: 'memberId', value: idOf('nobody') } } })],
    ['a restricting rule whose tag nobody bears', 'RULE_VANISHES', () => put('firewallRule', { ...RULE(), action: 'drop', src: { kind: { case: 'tag', value: 'nobody' } } })],
    ['a LAN that is another member’s', 'PREFIX_OVERLAP', () => put('member', { networkId, nodeInstanceId: idOf('n'), lanSubnets: ['2001:db8:7:1::/64'] })],
    ['the same node twice', 'INTENT_EXISTS', () => put('member', { networkId, nodeInstanceId: idOf('node of spoke-1'), name: 'twice' })],
    ['a name that is taken', 'INTENT_EXISTS', () => put('network', { name: 'lab', slug: 'other' })],
    ['a mapping on what is no hub', 'INTENT_INVALID', () => put('portMapping', { memberId, listenPort: 443, protocol: 'tcp', target: { case: 'targetMemberId', value: hubId } })],
    ['a virtual IP that is a member’s address', 'PREFIX_OVERLAP', () => put('virtualIp', { networkId, name: 'v', cidr: `${addressOf()}/128` })],
    ['a virtual IP that is more than one address', 'INTENT_INVALID', () => put('virtualIp', { networkId, name: 'v', cidr: '192.0.2.0/24' })],
    ['anycast with one holder', 'INTENT_INVALID', () => put('virtualIp', { networkId, name: 'v', cidr: '192.0.2.1/32', anycast: true, holderMemberIds: [hubId] })],
    ['a leak into itself', 'INTENT_INVALID', () => put('routeLeak', { sourceNetworkId: networkId, destNetworkId: networkId })],
    ['an expression without an end', 'INTENT_INVALID', () => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', asPathRegex: '^65(00' }] })],
    ['a community beyond 65535', 'INTENT_INVALID', () => put('routePolicy', { name: 'p', scope: 'account', direction: 'import', statements: [{ action: 'accept', addCommunity: '65536:1' }] })],
    ['a public AS number', 'INTENT_INVALID', () => put('accountBgp', { asNumber: 65_000 })],
    ['a table that nobody made', 'INTENT_INVALID', () => put('vrfAssignment', { nodeInstanceId: idOf('n'), networkId, state: 'active' })],
    ['OVN without its databases', 'INTENT_INVALID', () => put('ovnDeployment', { name: 'o', status: 'active' })],
    ['an ACL of neighbor discovery’s priority', 'REQUEST_INVALID', () => put('ovnAcl', { switchId, name: 'a', direction: 'to-lport', action: 'drop', priority: 32_001 })],
    ['somebody else’s prefix told to a peer', 'INTENT_INVALID', () => put('prefixAccess', { peerId: idOf('p'), networkId, gatewayMemberIds: [hubId], advertise: ['fdee::/48'] })],
    ['a peer’s prefix that is our own', 'PREFIX_OVERLAP', () => put('prefixAccess', { peerId: idOf('p'), networkId, gatewayMemberIds: [hubId], accept: [own48()] })],
    ['a gateway that nobody can call', 'INTENT_INVALID', () => put('prefixAccess', { peerId: idOf('p'), networkId, gatewayMemberIds: [memberId] })],
    ['a test of nothing', 'INTENT_INVALID', () => put('test', { name: 't', src: 'hub-1' })],
  ] // prettier-ignore

  const addressOf = () => world.deps.compiler.kept?.intent.member.get(memberId)?.address ?? ''
  const own48 = () =>
    (world.deps.compiler.kept?.intent.network.get(networkId)?.cidr ?? '').replace(/^(\S+?:\S+?:\S+?):.*$/, '$1::/48')

  test.for(cases)('%s', async ([, reason, wanted]) => {
    await expectRefusal(world.change(wanted()), reason)
    expect(await world.everythingKept()).toBe(kept)
  })
})
