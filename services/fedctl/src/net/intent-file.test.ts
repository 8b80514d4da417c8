import { create } from '@bufbuild/protobuf'
import { FakeClock } from '@powernode/clock/testing'
import { elapsed } from '@powernode/process'
import { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { Problem } from '../problem.ts'
import { differences } from './difference.ts'
import { intentTree } from './export.ts'
import { Intent, recordOf } from './intent.ts'
import { parseIntent } from './intent-file.ts'
import { newId } from './new-id.ts'
import { wantedBy } from './wanted.ts'

const PEER = '0198bbbb-0000-7000-8000-00000000000b'
const NODE = (n: number) => `0198aaaa-0000-7000-8000-00000000000${n}`
const clock = new FakeClock()
const peers = new Map([[PEER, 'b']])
const nothing = new Intent([], peers)

const FILE = `
networks:
  - name: Lab
    slug: lab
    routing_protocol: ibgp
    members:
      - { name: hub-1, node_instance_id: ${NODE(1)}, publicly_reachable: true, endpoint_host_v4: 192.0.2.1, endpoint_port: 51820 }
      - { name: web-1, node_instance_id: ${NODE(2)}, tags: [web], lan_subnets: ["10.9.0.0/16"] }
    virtual_ips:
      - { name: site, cidr: "fd00:1::7/128", holder_members: [web-1], failover_members: [hub-1] }
    firewall_rules:
      - { name: web-in, priority: 100, action: accept, direction: both, protocol: tcp, src: "peer:b", dst: "tag:web", dst_ports: 443 }
      - { name: hub-ssh, priority: 200, action: accept, direction: ingress, protocol: tcp, src: "member:hub-1", dst: all, dst_ports: "22-23" }
    port_mappings:
      - { member: hub-1, protocol: tcp, listen_port: 443, target_virtual_ip: site }
route_policies:
  - name: prefer
    scope: member:lab/web-1
    direction: import
    statements:
      - { prefix_in: [{ prefix: "fd00::/8", le: 64 }], neighbor_in: [lab/hub-1, "peer:b"], action: accept, set_local_pref: 200 }
account_bgp: { default_route_policy: prefer }
prefix_access:
  - { peer: b, network: lab, gateway_members: [hub-1], accept: ["fd00:2::/48"] }
ovn_deployments:
  - name: ovn
    switches:
      - name: ls
        network: lab
        ports: [{ name: vm1, addresses: ["10.1.0.1"] }]
        acls: [{ name: in, direction: to-lport, action: drop, match: { family: ip4, protocol: tcp, dst_ports: 443, port: vm1 } }]
tests:
  - { name: web, src: hub-1, accept: ["web-1:tcp/443"] }
`

const wanted = (text: string, there: Intent, keep = false) =>
  wantedBy(parseIntent(text, 'f.yaml'), { there, keep, newId: () => newId(clock.now()) })

/** As the service would have it after a write: the same through the contract's messages, and with versions. */
const asWritten = (intent: Intent) => {
  const items = differences(nothing, intent).map(({ change }) => {
    if (change.act.case !== 'put') throw new Error('it is all new')
    return create(ItemSchema, change.act.value)
  })
  const records = items.flatMap(recordOf).map((record) => ({ ...record, version: 1 }))
  return new Intent(records, peers)
}
const lines = (there: Intent, after: Intent) =>
  differences(there, after).map(({ act, kind, path, fields }) => [act, kind, path, ...fields].join(' '))

test('a file is made once: applied again, nothing is left to change', () => {
  const intent = wanted(FILE, nothing)
  expect(lines(nothing, intent)).toEqual([
    'create network lab',
    'create member lab/hub-1',
    'create member lab/web-1',
    'create virtual_ip lab/site',
    'create firewall_rule lab/web-in',
    'create firewall_rule lab/hub-ssh',
    'create port_mapping lab/hub-1/tcp-443',
    'create route_policy prefer',
    'create account_bgp bgp',
    'create prefix_access b',
    'create ovn_deployment ovn',
    'create ovn_switch ovn/ls',
    'create ovn_port ovn/ls/vm1',
    'create ovn_acl ovn/ls/in',
    'create test web',
  ])
  const there = asWritten(intent)
  expect(lines(there, wanted(FILE, there))).toEqual([])
})

test('what is exported is the file that makes it so', () => {
  const there = asWritten(wanted(FILE, nothing))
  const text = stringify(intentTree(there))
  expect(text).toContain('src: peer:b')
  expect(text).toContain('dst_ports: 22-23')
  expect(text.replaceAll(/node_instance_id.*/g, '')).not.toMatch(/_ids?:|0198/)
  expect(lines(there, wanted(text, there))).toEqual([])
})

test('ids and names of the contract reach it: rules name members, policies peers, ACLs ports', () => {
  const there = asWritten(wanted(FILE, nothing))
  const web = there.must('firewall_rule', 'lab/web-in')
  expect(web.fields).toMatchObject({
    src: { federation_peer_id: PEER },
    dst: { tag: 'web' },
    dst_ports: { from: 443, to: 443 },
  })
  const hub = there.must('member', 'lab/hub-1').id
  expect(there.must('route_policy', 'prefer').fields).toMatchObject({
    scope: 'member',
    scope_id: there.must('member', 'lab/web-1').id,
    statements: [{ neighbor_in: [hub, PEER] }],
  })
  expect(there.must('ovn_acl', 'ovn/ls/in').fields).toMatchObject({
    match: { port_id: there.must('ovn_port', 'ovn/ls/vm1').id },
  })
})

test('one field otherwise is one record changed, and what is missing goes, what hangs on others first', () => {
  const there = asWritten(wanted(FILE, nothing))
  const other = FILE.replace('priority: 100', 'priority: 110').replace(/^ {6}- \{ name: hub-ssh.*\n/m, '')
  expect(lines(there, wanted(other, there))).toEqual([
    'change firewall_rule lab/web-in priority 100 → 110',
    'delete firewall_rule lab/hub-ssh',
  ])
  const only = 'networks: [{ name: Lab, slug: lab, routing_protocol: ibgp }]'
  const gone = lines(there, wanted(only, there))
  expect(gone.indexOf('delete port_mapping lab/hub-1/tcp-443')).toBeLessThan(gone.indexOf('delete member lab/hub-1'))
  expect(gone.every((line) => line.startsWith('delete'))).toBe(true)
  expect(lines(there, wanted(only, there, true))).toEqual([])
})

test('a member is its node: a new name is no new member', () => {
  const there = asWritten(wanted(FILE, nothing))
  const after = wanted(
    'networks: [{ slug: lab, name: Lab, routing_protocol: ibgp, members: [{ name: www, node_instance_id: ' +
      NODE(2) +
      ', tags: [web], lan_subnets: ["10.9.0.0/16"] }] }]',
    there,
    true,
  )
  expect(lines(there, after)).toEqual(['change member lab/www name web-1 → www'])
})

test('the same prefix in another spelling is the same, and what the service chose stays', () => {
  const there = asWritten(wanted(FILE, nothing))
  const served = there.records.map((record) =>
    record.kind === 'member'
      ? { ...record, fields: { ...record.fields, listen_port: 51820, assigned_address: 'fd00::1' } }
      : record,
  )
  const filled = there.with(served)
  expect(lines(filled, wanted(FILE.replace('fd00:1::7/128', 'FD00:1:0::7/128'), filled))).toEqual([])
})

test.each([
  ['networks: [{ name: a }', /neither JSON nor YAML/],
  ['networks: { name: a }', /networks, line 1 is no list/],
  ['network: []', /network.* is no section/],
  ['networks: [7]', /networks\[0\].* is no object/],
  ['networks: [{ name: a, mtux: 3 }]', /this is no network: .*mtux/],
  ['networks: [{ name: a }, { name: A }]', /networks\[1\].*there twice/],
  [
    'networks:\n  - name: a\n    firewall_rules:\n      - { name: r, src: "member:nobody" }',
    /firewall_rules\[0\], line 4: there is no member "nobody"/,
  ],
  ['networks: [{ name: a, firewall_rules: [{ name: r, src: "web; drop" }] }]', /"web; drop" is no selector/],
  ['networks: [{ name: a, firewall_rules: [{ name: r, dst_ports: "443;" }] }]', /neither a port nor a range/],
  ['prefix_access: [{ peer: nobody, network: a }]', /there is no (peer|network)/],
  ['route_policies: [{ name: p, scope: account, direction: import, statements: yes }]', /statements are a list/],
  ['a: &a [x, x]\nb: &b [*a, *a]', /is no section/],
])('a file that cannot be meant is refused, with the place: %s', (text, why) => {
  expect(() => differences(nothing, wanted(text, nothing))).toThrow(Problem)
  expect(() => differences(nothing, wanted(text, nothing))).toThrow(why)
})

test('five thousand members are compared in a moment', () => {
  const members = Array.from({ length: 5_000 }, (_, at) => ({ name: `m-${at}`, node_instance_id: newId(clock.now()) }))
  const text = JSON.stringify({ networks: [{ name: 'big', members }] })
  const there = asWritten(wanted(text, nothing))
  const ms = elapsed()
  expect(lines(there, wanted(text, there))).toEqual([])
  expect(ms()).toBeLessThan(30_000)
})
