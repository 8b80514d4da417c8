import { describe, expect, test } from 'vitest'
import { endGoneConnections, formerOf } from '../../services/node-agent/src/network/back-ends/connections.ts'
import { openTools } from '../../services/node-agent/src/network/tools.ts'
import { compile } from '../../services/sdwan-compiler/src/compile/compile.ts'
import { hubOf, memberOf, networkId, networkOf, nodeId, virtualIpOf, vrfOn, worldOf } from '../../services/sdwan-compiler/src/compile/frr/testing/worlds.ts' // prettier-ignore
import { ruleOf } from '../../services/sdwan-compiler/src/compile/testing/intent.ts'
import { Lab } from './lab.ts'
import { labSkip } from './requirements.ts'

const [INSIDE, SITE] = ['fdcc:0:1:5::9', 'fdcc:0:1:6::1']
const GONE = 0x50_47_44_00
/** Of tables 101 and 102. */
const ZONES = [65_534, 65_533]

/** A hub of two tenants with the same inside, and what each lets in. */
function hubWith(open: readonly number[]) {
  const { nodes } = compile(
    worldOf({
      networks: [1, 2].map((n) => networkOf(n, { isolation: 'dedicated_vrf', routingProtocol: 'static' })),
      members: [1, 2].flatMap((n) => [hubOf(n, 1, { listenPort: 51_819 + n, endpointPort: 51_819 + n }), memberOf(n, n + 2, { lanSubnets: ['fdcc:0:1:5::/64'] })]), // prettier-ignore
      rules: open.map((n) => ruleOf(n, { networkId: networkId(n) })),
      virtualIps: [1, 2].map((n) => virtualIpOf(n, { networkId: networkId(n), cidr: `${SITE}/128`, holders: [hubOf(n, 1).id] })), // prettier-ignore
      vrfs: [vrfOn(1, 1), vrfOn(1, 2), vrfOn(3, 1), vrfOn(4, 2)],
    }),
  )
  const plan = nodes.get(nodeId(1))
  if (!plan) throw new Error('there is no hub')
  const allowed = (config: string): string[] => [...config.matchAll(/^AllowedIPs = (.*)$/gm)].flatMap(([, all = '']) => all.split(', ')) // prettier-ignore
  const interfaces = plan.interfaces.map((its) => ({ ...its, peers: [{ allowedIps: allowed(its.config) }] }))
  return { nftables: plan.nftables, interfaces } as unknown as Parameters<typeof formerOf>[0]
}

describe.skipIf(labSkip(['nft', 'conntrack']))('two tenants at one node, with the same addresses inside', () => {
  test('a connection ends with its own tenant’s rule, and that of the other with the same ports goes on', async () => {
    await using lab = await Lab.open()
    const node = await lab.node('hub')
    const tools = openTools(node.netns)
    const [both, second] = [hubWith([1, 2]), hubWith([2])]
    await tools.must('nft', ['-f', '-'], { input: second.nftables })
    const key = ['-p', 'tcp', '-s', INSIDE, '-d', SITE, '--sport', '5555', '--dport', '443']
    for (const zone of ZONES)
      await tools.must('conntrack', ['-I', '-w', String(zone), ...key, '-r', SITE, '-q', INSIDE, '--reply-port-src', '443', '--reply-port-dst', '5555', '--state', 'ESTABLISHED', '--timeout', '1000']) // prettier-ignore
    const marks = async (): Promise<readonly (number | undefined)[]> => {
      const lines = (await tools.must('conntrack', ['-L', '-f', 'ipv6'])).split('\n')
      const of = (zone: number) => lines.find((line) => line.includes(` zone=${zone} `))
      return ZONES.map(of).map((line) => line && Number(/ mark=(\d+)/.exec(line)?.[1])) as (number | undefined)[]
    }
    expect(await marks()).toEqual([0, 0])
    await endGoneConnections([tools], [formerOf(both)], second)
    expect(await marks()).toEqual([GONE, 0])
    // Done twice, it is done once.
    await endGoneConnections([tools], [formerOf(both)], second)
    expect(await marks()).toEqual([GONE, 0])
    // A rule that lets it in again: it is judged as one that begins.
    await endGoneConnections([tools], [formerOf(second)], both)
    expect(await marks()).toEqual([undefined, 0])
  }, 120_000)
})
