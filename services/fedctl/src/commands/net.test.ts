import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MessageInitShape } from '@bufbuild/protobuf'
import type { ServiceImpl } from '@connectrpc/connect'
import type { ItemSchema } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import type { ChangeIntentRequest, SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { afterEach, expect, test } from 'vitest'
import { PEER, platformWith } from '../testing/ledger.ts'

const LAB = '0198aaaa-0000-7000-8000-0000000000a1'
const HUB = '0198aaaa-0000-7000-8000-0000000000b1'
const WEB = '0198aaaa-0000-7000-8000-0000000000b2'
const NODE = '0198dddd-0000-7000-8000-00000000000d'
const GONE = '0198dddd-0000-7000-8000-00000000000e'
const SHA = 'ab'.repeat(32)
const stamp = { version: 3n }

const ITEMS: MessageInitShape<typeof ItemSchema>[] = [
  { kind: { case: 'network', value: { id: LAB, name: 'Lab', slug: 'lab', cidr64: 'fd00:1::/64', stamp } } },
  { kind: { case: 'member', value: { id: HUB, networkId: LAB, nodeInstanceId: NODE, name: 'hub-1', publiclyReachable: true, endpointHostV4: '192.0.2.1', endpointPort: 51820, stamp } } }, // prettier-ignore
  { kind: { case: 'member', value: { id: WEB, networkId: LAB, nodeInstanceId: PEER, name: 'web-1', tags: ['web'], stamp } } }, // prettier-ignore
]

let remove: () => void = () => undefined
afterEach(() => remove())

/** A platform whose network service holds two members, writes down what it is asked, and plans as if it had done it. */
function platform(network: Partial<ServiceImpl<typeof SdwanService>> = {}, items = ITEMS) {
  const asked: ChangeIntentRequest[] = []
  const made = platformWith({
    network: {
      listIntent: () => ({ items }),
      listProblems: () => ({ problems: [] }),
      changeIntent(request) {
        asked.push(request)
        const plan = { sha256: SHA, changes: ['firewall_rule_create web-in'], nodes: [{ nodeInstanceId: NODE, name: 'hub-1', artifacts: ['nftables'], bytesBefore: 10n, bytesAfter: 20n }], gained: [{ src: 'hub-1', dst: 'web-1', service: 'tcp/443', reason: 'web-in' }], gainedTotal: 1n, actions: ['sdwan.firewall_rule_create'] } // prettier-ignore
        return { plan, items: [] }
      },
      ...network,
    },
  })
  remove = () => made.remove()
  return { ...made, asked }
}
const said = (request: ChangeIntentRequest | undefined) => request?.changes.map(({ act }) => act)

test('a rule is written by names, and the plan says who can reach whom from then on', async () => {
  const { type, asked } = platform()
  const line =
    'net firewall add lab web-in --action accept --src peer:b --dst tag:web --protocol tcp --ports 443 --priority 100 --dry-run'
  const { exit, out, err } = await type(line)
  expect(err).toBe('')
  expect(exit).toBe(0)
  expect(asked[0]?.dryRun).toBe(true)
  expect(said(asked[0])).toMatchObject([
    { case: 'put', value: { kind: { case: 'firewallRule', value: { networkId: LAB, src: { kind: { case: 'federationPeerId', value: PEER } }, dst: { kind: { case: 'tag', value: 'web' } }, dstPorts: { from: 443, to: 443 } } } } }, // prettier-ignore
  ])
  expect(out).toMatch(/^Dry run/)
  expect(out).toMatch(/hub-1 +nftables +10 → 20/)
  expect(out).toContain('1 pair can reach from then on\n  hub-1 → web-1 tcp/443  (web-in)')
  expect(out).toContain(SHA)
})

test('with -o json it is one object, the plan in it', async () => {
  const { type } = platform()
  const { out } = await type('net create edge --topology full_mesh --dry-run -o json')
  expect(JSON.parse(out)).toMatchObject({ dry_run: true, plan: { sha256: SHA, gained_total: 1 }, items: [] })
})

test('a field is changed, and the rest of the record goes with it, as of the version that was seen', async () => {
  const { type, asked } = platform()
  expect((await type(['net', 'member', 'update', 'lab/web-1', '--set', 'tags=["web","db"]'])).exit).toBe(0)
  expect(said(asked[0])).toMatchObject([
    { case: 'put', value: { kind: { case: 'member', value: { id: WEB, networkId: LAB, name: 'web-1', tags: ['web', 'db'], stamp: { version: 3n } } } } }, // prettier-ignore
  ])
})

test('endpoints of both families, at one port', async () => {
  const { type, asked } = platform()
  const line = 'net member add lab hub-2 --node 0198dddd-0000-7000-8000-00000000000e --hub --endpoint 192.0.2.9:4500 --endpoint [2001:db8::9]:4500 --lan 10.1.0.0/16,10.2.0.0/16 --tag a,b' // prettier-ignore
  expect((await type(line)).exit).toBe(0)
  expect(said(asked[0])).toMatchObject([
    { value: { kind: { value: { endpointHostV4: '192.0.2.9', endpointHostV6: '2001:db8::9', endpointPort: 4500, lanSubnets: ['10.1.0.0/16', '10.2.0.0/16'], tags: ['a', 'b'] } } } }, // prettier-ignore
  ])
  expect((await type(`${line} --endpoint 192.0.2.8:4501`)).exit).toBe(2)
  expect((await type('net member add lab x --node y --endpoint nowhere')).exit).toBe(2)
})

test('ports are passed on to a member or a virtual IP of the same network', async () => {
  const { type, asked } = platform()
  expect((await type('net nat add lab/hub-1 --port 443 --to member:web-1 --to-port 8443')).exit).toBe(0)
  expect(said(asked[0])).toMatchObject([
    { value: { kind: { value: { memberId: HUB, listenPort: 443, target: { case: 'targetMemberId', value: WEB }, targetPort: 8443 } } } }, // prettier-ignore
  ])
  const { exit, err } = await type('net nat add lab/hub-1 --port 443 --to nobody')
  expect([exit, err]).toEqual([2, expect.stringContaining('--to vip:web')])
})

test('who is not there is said, with who is', async () => {
  const { type } = platform()
  const { exit, err } = await type('net member show lab/nobody')
  expect([exit, err]).toEqual([2, expect.stringMatching(/no member "lab\/nobody"[\s\S]*lab\/hub-1, lab\/web-1/)])
})

test('what is taken away with all that hangs on it is asked about first', async () => {
  const { type, asked } = platform()
  const answers: string[] = []
  const ask = (question: string) => Promise.resolve(answers.push(question) > 0 ? 'n' : '')
  const { exit } = await type('net delete lab --cascade', { canAsk: true, ask })
  expect([exit, asked.length]).toEqual([2, 0])
  expect(answers[0]).toContain('Take network lab away with the 2 records that hang on it?')
  expect((await type('net delete lab --cascade')).exit).toBe(0)
  expect(said(asked[0])).toMatchObject([{ case: 'delete', value: { kind: 'network', id: LAB, cascade: true } }])
})

const FILE = `networks: [{ name: Lab, slug: lab, members: [
  { name: hub-1, node_instance_id: ${NODE}, publicly_reachable: true, endpoint_host_v4: 192.0.2.1 },
  { name: web-1, node_instance_id: ${PEER}, tags: [web] } ] }]`

test('a file that says what is there changes nothing, and asks nothing', async () => {
  const { type, asked } = platform()
  const { exit, out } = await type('net apply -f -', { readInput: () => FILE })
  expect([exit, out]).toEqual([0, 'nothing to change: all is as the file says\n'])
  expect(asked).toEqual([])
})

test('what is applied is what was planned: the same records, under its hash', async () => {
  const { type, asked, dir } = platform()
  writeFileSync(join(dir, 'net.yaml'), FILE.replace('tags: [web]', 'tags: [web, db]'))
  const { exit, out } = await type('net apply -f net.yaml')
  expect(exit).toBe(0)
  expect(asked.map(({ dryRun, planSha256 }) => [dryRun, planSha256])).toEqual([
    [true, ''],
    [false, SHA],
  ])
  expect(asked[1]?.changes).toEqual(asked[0]?.changes)
  expect(asked[1]?.requestId).toBe(asked[0]?.requestId)
  expect(out).toContain(SHA)
})

test('a plan can be kept, and carried out later as it was', async () => {
  const { type, asked, dir } = platform()
  writeFileSync(join(dir, 'net.yaml'), `${FILE.slice(0, -5)}, { name: db-1, node_instance_id: ${LAB} } ] }]`)
  const { out } = await type('net plan -f net.yaml --out plan.json')
  expect(out).toContain('+ member lab/db-1')
  expect(JSON.parse(readFileSync(join(dir, 'plan.json'), 'utf8'))).toMatchObject({ plan_sha256: SHA })
  expect((await type('net apply --plan plan.json')).exit).toBe(0)
  expect(asked[1]).toMatchObject({ dryRun: false, planSha256: SHA })
  expect(asked[1]?.changes).toEqual(asked[0]?.changes)
  expect((await type('net apply --plan net.yaml')).exit).toBe(2)
  expect((await type('net apply')).exit).toBe(2)
})

test('a plan that is carried out twice says that nothing was changed the second time, and when it was', async () => {
  const madeBeforeAt = { seconds: BigInt(Math.floor(Date.parse('2026-01-01T00:00:00Z') / 1_000)) }
  const { type } = platform({ changeIntent: () => ({ plan: { sha256: SHA }, madeBeforeAt }) })
  const { exit, out } = await type(['net', 'member', 'update', 'lab/web-1', '--set', 'tags=["web","db"]'])
  expect(exit).toBe(0)
  expect(out).toMatch(/^It was made already, .*: nothing was changed now/)
  const { out: json } = await type(['net', 'member', 'update', 'lab/web-1', '--set', 'tags=["db"]', '-o', 'json'])
  expect(JSON.parse(json)).toMatchObject({ made_before_at: '2026-01-01T00:00:00.000Z' })
})

test('a network that was made says its prefix, and how it comes to have members', async () => {
  const items = [{ kind: { case: 'network' as const, value: { id: LAB, slug: 'edge', cidr64: 'fd00:9::/64' } } }]
  const { type } = platform({ changeIntent: () => ({ plan: { sha256: SHA }, items }) })
  const { out } = await type('net create Edge')
  expect(out).toContain('network edge  fd00:9::/64')
  expect(out).toMatch(/next {2}fedctl .*net member add edge <name> --node <uuid> --hub --endpoint <host:port>,/)
})

const PROBLEMS = [
  { code: 'SAME_AS_NUMBER', record: `crossing/${PEER}`, message: 'its AS number is ours', leftOut: true, networkId: LAB }, // prettier-ignore
  { code: 'OVN_ENDING', record: 'ovn_deployment/x', message: `node ${NODE} has still to take its records away` },
]

test('what the compiler left out is seen where networks are listed and shown, and in a list of its own', async () => {
  const listProblems = ({ network }: { network: string }) => ({ problems: network === '' ? PROBLEMS : PROBLEMS.slice(0, 1) }) // prettier-ignore
  const { type } = platform({ listProblems })
  expect((await type('net list')).out).toMatch(/2 problems, for 1 of them something is left out: fedctl .*net problems/)
  expect((await type('net show lab')).out).toMatch(/left out {2}SAME_AS_NUMBER crossing\/.*: its AS number is ours/)
  const { out } = await type('net problems')
  expect(out).toContain('OVN_ENDING ovn_deployment/x: node lab/hub-1 has still to take')
  expect(JSON.parse((await type('net problems lab -o json')).out)).toMatchObject({ problems: [{ left_out: true }] })
  expect((await platform({ listProblems: () => ({ problems: [] }) }).type('net problems')).out).toContain('all is as it is wanted') // prettier-ignore
})

test('lost secrets are made anew, and a node that does not come back is waited for no longer, with the reason', async () => {
  const asked: object[] = []
  const { type } = platform({
    rekeyNetworks: (request) => (asked.push(request), { lines: [`prefix_access_rekey ${PEER}`] }),
    giveOvnEndingUp: (request) => (asked.push(request), { lines: [`ovn_ending_give_up ovn: node ${NODE} …`] }),
  })
  expect((await type('net rekey --dry-run')).out).toMatch(/^Dry run[^]*prefix_access_rekey/)
  expect((await type('net rekey lab --reason stolen --yes')).exit).toBe(0)
  expect((await type('net ovn give-up ovn --yes')).exit).toBe(2)
  expect((await type(['net', 'ovn', 'give-up', 'ovn', '--reason', 'burnt down', '--yes'])).out).toContain(
    'node lab/hub-1',
  )
  expect((await type(['net', 'ovn', 'give-up', 'ovn', '--node', 'hub', '--reason', 'burnt down', '--yes'])).exit).toBe(
    2,
  )
  expect((await type(['net', 'ovn', 'give-up', 'ovn', '--node', NODE, '--reason', 'burnt down', '--yes'])).exit).toBe(0)
  expect(asked).toMatchObject([
    { dryRun: true, networks: [] },
    { dryRun: false, networks: ['lab'], reason: 'stolen' },
    { deployment: 'ovn', nodeInstanceId: '', reason: 'burnt down', dryRun: false },
    { deployment: 'ovn', nodeInstanceId: NODE, reason: 'burnt down', dryRun: false },
  ])
})

test('why: the verdict first, then place by place; and an exit code for who only asks whether', async () => {
  const explain = (reachable: boolean) => () => ({
    reachable,
    verdict: reachable ? 'rule web-in accepts it' : 'no rule accepts it at hub-1',
    hops: [{ name: 'hub-1', inInterface: 'wg-a', route: 'fd00:1::/64', routeSource: 'network:lab', rules: [{ chain: 'net_x_fwd', ruleName: 'web-in', verdict: 'accept' }] }], // prettier-ignore
  })
  const yes = await platform({ explain: explain(true) }).type('net why hub-1 web-1 tcp/443')
  expect(yes.exit).toBe(0)
  expect(yes.out).toMatch(
    /reached +yes\nbecause +rule web-in accepts it\n\n1\. hub-1\n[\s\S]*accept {2}web-in {2}\(net_x_fwd\)/,
  )
  remove()
  const no = await platform({ explain: explain(false) }).type('net why hub-1 web-1 tcp/443')
  expect(no.exit).toBe(4)
  expect((await platform().type('net why a b tcp')).exit).toBe(2)
  expect((await platform().type('net why a b icmp6/7')).exit).toBe(2)
})

test('what a default refuses says which rule would let it in, by names', async () => {
  const explain = () => ({
    verdict: 'hub-1 does not reach web-1: the default of lab refuses it where it leaves, at hub-1.',
    hops: [{ name: 'hub-1', routeSource: `network:${LAB}`, rules: [{ chain: 'net_x_out', ruleId: `default ${LAB}`, ruleName: 'default of lab', verdict: 'drop' }] }], // prettier-ignore
  })
  const { type } = platform({ explain })
  const { out } = await type('net why hub-1 fd00:1::9 tcp/443')
  expect(out).toContain('net firewall add lab <name> --action accept --src member:hub-1 --dst cidr:fd00:1::9/128 --protocol tcp --ports 443') // prettier-ignore
  expect(out).toContain('from network:lab')
  expect(out).not.toContain(LAB)
})

test('a warning calls who it speaks of by the names that people know', async () => {
  const warnings = [`RULE_MEANS_NOBODY member/${WEB}: nothing crosses to the peer ${PEER}`]
  const { type } = platform({ changeIntent: () => ({ plan: { sha256: SHA, warnings } }) })
  const { out } = await type('net firewall add lab web-in --action accept --dry-run')
  expect(out).toContain('warning  RULE_MEANS_NOBODY member/lab/web-1: nothing crosses to the peer b')
})

test('a node is called by every member that it is; one that left is in no network', async () => {
  const nodes = [
    { nodeInstanceId: NODE, desiredVersion: SHA },
    { nodeInstanceId: GONE, report: { appliedVersion: SHA } },
  ]
  const { out } = await platform({ listNodes: () => ({ nodes }) }).type('net nodes')
  expect(out).toMatch(/lab\/hub-1 +never heard/)
  expect(out).toMatch(new RegExp(`${GONE} +in no network`))
})

test.each([
  ['net member add lab web-2 --node web-2', /--node .*must be a uuid/],
  [`net member add lab Web_2 --node ${WEB}`, /name.*small letters, digits and hyphens/],
  [`net member add lab web-2 --node ${WEB} --tag WEB`, /"WEB" is no tag/],
  ['net compose edge --dry-run', /a network needs members/],
  ['net run show edge', /must be a uuid/],
  ['net topology nope', /there is no network "nope"[\s\S]*there is: lab/],
  ['net routes nope', /there is no network "nope"/],
])('what is typed wrong is said before anybody is asked: %s', async (line, said) => {
  const { exit, err } = await platform().type(line)
  expect([exit, err]).toEqual([2, expect.stringMatching(said)])
})

test('whoever types delete for remove is understood', async () => {
  const { type, asked } = platform()
  expect((await type('net member delete lab/web-1 --yes')).exit).toBe(0)
  expect(said(asked[0])).toMatchObject([{ case: 'delete', value: { kind: 'member', id: WEB } }])
})

test('tests that fail have an exit code of their own', async () => {
  const tests = [
    { name: 'web', passed: true },
    { name: 'db', passed: false, failure: 'web-1 reaches db-1:tcp/5432' },
  ]
  const { exit, out } = await platform({ runTests: () => ({ tests }) }).type('net test')
  expect(exit).toBe(31)
  expect(out).toMatch(/db +no +web-1 reaches db-1:tcp\/5432/)
})

const TOPOLOGY = {
  network: { slug: 'lab', name: 'Lab <&"' },
  vertices: [
    { memberId: HUB, name: 'hub-1', role: 'hub', address: 'fd00:1::1', status: 'active' },
    { memberId: WEB, name: 'web"-1', role: 'spoke', address: 'fd00:1::2', status: 'degraded' },
    { memberId: PEER, name: 'b', role: 'federation_peer' },
  ],
  edges: [
    { from: HUB, to: WEB, kind: 'wireguard', status: 'active' },
    { from: HUB, to: PEER, kind: 'ebgp', status: 'active' },
  ],
}

test('a network as a picture, as a graph and as a table', async () => {
  const { type } = platform({ getTopology: () => TOPOLOGY })
  const svg = await type('net topology lab --svg')
  expect(svg.out).toMatch(/^<svg xmlns/)
  expect(svg.out.match(/<circle/g)).toHaveLength(2)
  expect(svg.out.match(/<line/g)).toHaveLength(2)
  expect(svg.out).toContain('Lab &lt;&amp;&quot;')
  const dot = await type('net topology lab --dot')
  expect(dot.out).toContain(`"${HUB}" -- "${WEB}" [style=solid`)
  expect(dot.out).toContain(String.raw`label="web\"-1\nfd00:1::2"`)
  expect((await type('net topology lab')).out).toMatch(
    /hub-1 +hub +fd00:1::1 +active +web"-1 \(wireguard\), b \(ebgp\)/,
  )
  expect((await type('net topology lab --svg --dot')).exit).toBe(2)
})

test('a skill is rehearsed: what it would do, and the plan', async () => {
  const { type } = platform({
    composeNetwork: (request) => ({ run: { id: LAB, skill: 'sdwan_federation_compose', state: 'planned', dryRun: true, plannedActions: [`create_network ${request.networkName}`, ...request.members.map(({ role, name }) => `attach_peer ${role} ${name}`)] } }), // prettier-ignore
  })
  const { exit, out } = await type(
    `net compose edge --hub h=${NODE}@192.0.2.1:51820 --spoke s=${WEB} --peer b --dry-run`,
  )
  expect(exit).toBe(0)
  expect(out).toMatch(/^Dry run[\s\S]*- create_network edge\n.*- attach_peer hub h\n.*- attach_peer spoke s/)
})

test('what failed of a run is left open', async () => {
  const run = { id: LAB, skill: 'sdwan_federation_compose', state: 'partial', partial: true, failures: [{ step: 'attach_peer', reason: 'NODE_NOT_FOUND', message: 'no such instance' }] } // prettier-ignore
  const { exit, out } = await platform({ getRun: () => ({ run }), composeNetwork: () => ({ run }) }).type(
    `net compose edge --hub hub-1=${NODE}@192.0.2.1:51820 --wait`,
  )
  expect(exit).toBe(3)
  expect(out).toMatch(/next +fedctl --context \S+ net run rollback/)
})

test('--wait waits for the agents of the nodes that are touched', async () => {
  const report = { nodeInstanceId: NODE, desiredVersion: 'v2', report: { appliedVersion: 'v2' } }
  expect((await platform({ listNodes: () => ({ nodes: [report] }) }).type('net create edge --wait')).exit).toBe(0)
  remove()
  const late = platform({ listNodes: () => ({ nodes: [{ ...report, desiredVersion: 'v3' }] }) })
  const waiting = late.type('net create edge --wait 1s')
  await late.clock.advance(2_000)
  const { exit, err } = await waiting
  expect([exit, err]).toEqual([6, expect.stringMatching(/1 node had not applied it: .*[\s\S]*net nodes/)])
})

test('files of a node go where they are wanted, as they are', async () => {
  const state = { nodeInstanceId: NODE, version: 'cd'.repeat(32), interfaces: [{ name: 'wg-abc', config: '[Interface]\n' }], nftables: 'table inet x {}\n', ovn: { commands: [{ args: ['ls-add', "it's"] }] } } // prettier-ignore
  const { type, dir } = platform({ compileNode: () => ({ states: [state] }) })
  const { out } = await type('net compile lab/hub-1')
  expect(out).toContain('# wg-abc.conf\n[Interface]\n\n# powernode.nft\ntable inet x {}')
  await type('net compile lab/hub-1 --out files')
  expect(readFileSync(join(dir, 'files', NODE, 'ovn-nbctl.txt'), 'utf8')).toBe(`ls-add 'it'\\''s'\n`)
})
