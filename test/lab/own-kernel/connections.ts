/**
 * What is run in a machine with a kernel that has VRFs of its own: two tenants at one hub, each with a table of its own, and inside
 * both the same addresses. Cables stand for their tunnels, under the names of these: what is asked here is what the hub's
 * kernel makes of what comes by them. It is said line by line to whoever started the machine (connections.lab.test.ts).
 */
import { compile } from '../../../services/sdwan-compiler/src/compile/compile.ts'
import { hubOf, memberOf, networkId, networkOf, nodeId, virtualIpOf, vrfOn, worldOf } from '../../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore
import { interfaceName, vrfName } from '../../../services/sdwan-compiler/src/compile/names.ts'
import { anyOf, mappingOf, ruleOf } from '../../../services/sdwan-compiler/src/compile/testing/intent.ts'
import { eventually } from '../../eventually.ts'
import { Lab, type LabNode } from '../lab.ts'
import { say } from './say.ts'

const PATIENCE_MS = 240_000
const INSIDE = 'fdcc:0:1:5::9'
const SITE = 'fdcc:0:1:6::1'
const MANAGED_AT = '2001:db8:77::1'
const CALLER_PORT = 5_555
const ECHO_ID = 777

/** What tenant 1 lets in: everything. */
const OPEN = anyOf(1)

const hub = (network: number) => hubOf(network, 1, { listenPort: 51_819 + network, endpointPort: 51_819 + network, publicKey: Buffer.alloc(32, 100 + network).toString('base64') }) // prettier-ignore
const world = worldOf({
  networks: [1, 2].map((n) => networkOf(n, { isolation: 'dedicated_vrf', routingProtocol: 'static' })),
  members: [1, 2].flatMap((n) => [hub(n), memberOf(n, n + 2, { lanSubnets: ['fdcc:0:1:5::/64'] })]),
  rules: [OPEN, ruleOf(2, { networkId: networkId(2) })],
  virtualIps: [1, 2].map((n) => virtualIpOf(n, { networkId: networkId(n), cidr: `${SITE}/128`, holders: [hub(n).id] })),
  portMappings: [mappingOf(1)],
  vrfs: [vrfOn(1, 1), vrfOn(1, 2), vrfOn(3, 1), vrfOn(4, 2)],
})

type Tenant = { readonly wire: string; readonly vrf: string; readonly self: string; readonly host: LabNode }

async function main(): Promise<void> {
  await using lab = await Lab.open()
  const { nodes, problems } = compile(world)
  const script = nodes.get(nodeId(1))?.nftables ?? ''
  say(
    'problems',
    problems.filter(({ fatal }) => fatal).map(({ message }) => message),
  )
  try {
    const node = await lab.node('hub')
    await node.batch(`addr add ${MANAGED_AT}/128 dev lo nodad`)
    const tenants = [await laid(lab, node, 1), await laid(lab, node, 2)]
    await node.must('nft', ['-f', '-'], { input: script })
    await tell(node, tenants, script)
  } catch (error) {
    say('failed', error instanceof Error ? error.stack : String(error))
  }
}

/** A tenant's table at the hub, and a host at the other end of its cable that is its spoke and what lies behind it. */
async function laid(lab: Lab, node: LabNode, n: number): Promise<Tenant> {
  const [wire, vrf] = [interfaceName(hub(n).id), vrfName(nodeId(1), networkId(n))]
  const host = await lab.plugged(node, `inside-${n}`, { far: wire, address: INSIDE })
  const self = hub(n).address
  await node.batch(
    `link add ${vrf} type vrf table ${100 + n}`,
    `link set ${vrf} up`,
    `link set ${wire} master ${vrf}`,
    ...[`${self}/64`, `${SITE}/128`].map((address) => `addr add ${address} dev ${wire} nodad`),
    `route add ${INSIDE}/128 dev ${wire} vrf ${vrf}`,
  )
  await host.batch(
    ...[`${INSIDE}/128`, `fd10:0:0:${n}::${n + 2}/64`].map((address) => `addr add ${address} dev e0 nodad`),
    ...[SITE, MANAGED_AT].map((place) => `route add ${place}/128 via ${self} dev e0`),
  )
  for (const [name, where] of [
    [`hub-${n}`, ['ip', 'vrf', 'exec', vrf]],
    [`inside-${n}`, []],
  ] as const) {
    const [first = '', ...rest] = [...where, 'busybox', 'nc', '-ll', '-p', '443', '-e', '/usr/bin/echo', name]
    await (name.startsWith('hub') ? node : host).start(`answers-${name}`, first, rest)
  }
  return { wire, vrf, self, host }
}

async function tell(node: LabNode, [one, other]: readonly Tenant[], script: string): Promise<void> {
  if (!one || !other) throw new Error('two tenants are needed')
  await eventually(() => calls(one, SITE), (answer) => answer === 'hub-1', PATIENCE_MS) // prettier-ignore
  say('tenant 1 calls', await calls(one, SITE))
  say('tenant 2 calls from the same port', await calls(other, SITE))
  const listed = await node.must('conntrack', ['-L', '-f', 'ipv6', '-p', 'tcp'])
  const same = listed.split('\n').filter((line) => line.includes(`src=${INSIDE} dst=${SITE} sport=${CALLER_PORT}`))
  say('connections', same.map((line) => Number(/zone=(\d+)/.exec(line)?.[1] ?? 0)).toSorted((a, b) => a - b)) // prettier-ignore

  say('tenant 1 asks for a sign of life', await pings(one, SITE))
  say('tenant 2 asks in the same words', await pings(other, SITE))
  say('dropped by its default', (await counted(node, `default ${networkId(2)}`)) > 0)

  say('the node calls out of table 1', await nodeCalls(node, one, 'fd10:0:0:1::3'))
  say('by the mapping', await calls(one, MANAGED_AT, 8_001))
  say('tenant 1 asks the node itself', await pings(one, MANAGED_AT))
  say('dropped as elsewhere', (await counted(node, `elsewhere ${networkId(1)}`)) > 0)

  await node.must('conntrack', ['-F'])
  await node.must('nft', ['-f', '-'], { input: script.replaceAll(/^.*(ct zone set|comment "elsewhere).*\n/gm, '') })
  const before = await counted(node, OPEN.id)
  await pings(one, MANAGED_AT)
  say('without guards, what asks the node itself is let in', (await counted(node, OPEN.id)) > before)
  say('without zones, tenant 1 asks', await pings(one, SITE))
  say('without zones, tenant 2 asks in the same words', await pings(other, SITE))
}

/** Calls with one and the same port of its own, which no tool of the machine does. */
const CALL =
  "const [host, port] = process.argv.slice(1); const socket = require('node:net').connect({ host, port, localAddress: '%', localPort: %% }); socket.pipe(process.stdout); socket.setTimeout(40000, () => process.exit(1)); socket.on('error', () => process.exit(1))"

async function calls({ host }: Tenant, address: string, port = 443): Promise<string> {
  const words = ['--jitless', '-e', CALL.replace('%', INSIDE).replace('%%', String(CALLER_PORT)), address, String(port)]
  return (await host.run(process.execPath, words, { timeoutMs: 60_000 })).out.trim()
}

async function nodeCalls(node: LabNode, { vrf }: Tenant, address: string): Promise<string> {
  const words = ['vrf', 'exec', vrf, 'timeout', '15', 'busybox', 'nc', '-w', '10', address, '443']
  return (await node.run('ip', words)).out.trim()
}

async function pings({ host }: Tenant, address: string): Promise<boolean> {
  const { code } = await host.run('ping', ['-n', '-q', '-c', '2', '-W', '4', '-e', String(ECHO_ID), '-I', INSIDE, address]) // prettier-ignore
  return code === 0
}

async function counted(node: LabNode, comment: string): Promise<number> {
  const table = await node.must('nft', ['list', 'table', 'inet', 'powernode_sdwan'])
  const found = table.matchAll(new RegExp(`counter packets (\\d+) bytes \\d+ \\w+ comment "${comment}"`, 'g'))
  return [...found].reduce((sum, [, packets]) => sum + Number(packets), 0)
}

await main()
