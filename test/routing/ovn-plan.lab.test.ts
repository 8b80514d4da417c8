import { describe, expect, test } from 'vitest'
import { compileOvn } from '../../services/sdwan-compiler/src/compile/ovn/compile-ovn.ts'
import { aclOf, anything, deploymentOf, empty, idOf, open, portOf, services, switchOf, tenants } from '../../services/sdwan-compiler/src/compile/ovn/testing/deployments.ts' // prettier-ignore
import type { OvnDeployment } from '../../services/sdwan-compiler/src/world.ts'
import { Lab } from '../lab/lab.ts'
import { startOvn, type Ovn } from '../lab/ovn.ts'
import { labSkip } from '../lab/requirements.ts'

/** All commands in one transaction, as the agent has them carried out. */
async function apply(ovn: Ovn, deployment: OvnDeployment): Promise<void> {
  const { plan, problems } = compileOvn(deployment)
  expect(problems).toEqual([])
  const commands = plan?.commands.flatMap((command) => ['--', ...command]) ?? []
  if (commands.length > 0) await ovn.nbctl('--wait=sb', ...commands)
}

/** What there is of a kind, a line each. */
const there = async (ovn: Ovn, table: string, ...columns: string[]): Promise<string[]> =>
  (await ovn.nbctl('--bare', '--format=csv', '--no-headings', `--columns=${columns.join(',')}`, 'list', table))
    .split('\n')
    .filter(Boolean)
    .toSorted()

const packet = (from: number, to: number, rest: string): string =>
  `inport=="vm${from}" && eth.src==02:00:00:00:00:0${from} && eth.dst==02:00:00:00:00:0${to} && ip.ttl==64 && ${rest}`

describe.skipIf(labSkip(['ovn-nbctl', 'ovn-northd']))('plans in a real northbound database', () => {
  test('carried out twice they leave what they left the first time, and a changed action is the new one', async () => {
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    for (const deployment of [empty, open, tenants]) await apply(ovn, deployment)
    const before = await there(ovn, 'ACL', 'direction', 'priority', 'match', 'action', 'name', 'external_ids')
    await apply(ovn, tenants)
    expect(await there(ovn, 'ACL', 'direction', 'priority', 'match', 'action', 'name', 'external_ids')).toEqual(before)
    expect(before).toHaveLength(tenants.switches.length * 7)
    expect(before.filter((line) => !line.includes(`powernode_ovn_deployment=${tenants.id}`))).toEqual([])

    const turned = {
      ...tenants,
      switches: tenants.switches.map((each) => ({
        ...each,
        acls: each.acls.map((acl) => (acl.action === 'drop' ? { ...acl, action: 'reject' as const } : acl)),
      })),
    }
    await apply(ovn, turned)
    const actions = await there(ovn, 'ACL', 'action')
    expect(actions.filter((action) => action === 'drop')).toEqual([])
    expect(actions).toHaveLength(before.length)
  })

  test('what the plan wants to be there is there, word by word, and nothing else of ours', async () => {
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    await apply(ovn, services)
    const { desired } = compileOvn(services).plan ?? {}
    expect(await there(ovn, 'Logical_Switch', 'name')).toEqual(desired?.switches)
    expect((await there(ovn, 'Logical_Switch_Port', 'name')).map((port) => `web/${port}`)).toEqual(desired?.ports)
    const rows = await ovn.nbctl('--format=json', '--columns=direction,priority,match', 'list', 'ACL')
    const { data } = JSON.parse(rows) as { readonly data: readonly (readonly [string, number, string])[] }
    expect(data.map(([direction, priority, match]) => `web/${direction}/${priority}/${match}`).toSorted()).toEqual(
      desired?.acls.toSorted(),
    )
    expect(await ovn.nbctl('lsp-get-type', 'uplink')).toBe('localnet\n')
  })

  test('packets are judged as the ACLs say, and no drop meets neighbor discovery', async () => {
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    await apply(ovn, services)
    const v4 = 'ip4.src==10.1.0.1 && ip4.dst==10.1.0.2'
    const v6 = 'ip6.src==fd00:a::1 && ip6.dst==fd00:a::2'
    expect(await ovn.trace('web', packet(1, 2, `${v4} && tcp.dst==443`))).toEqual(['vm2'])
    expect(await ovn.trace('web', packet(1, 2, `${v4} && udp.dst==5005`))).toEqual(['vm2'])
    expect(await ovn.trace('web', packet(1, 2, `${v4} && udp.dst==5011`))).not.toContain('vm2')
    expect(await ovn.trace('web', packet(1, 2, `${v4} && icmp4`))).toEqual(['vm2'])
    expect(await ovn.trace('web', packet(1, 2, `${v4} && tcp.dst==22`))).not.toContain('vm2')
    expect(await ovn.trace('web', packet(1, 2, `${v6} && tcp.dst==22`))).toEqual(['vm2'])
    expect(await ovn.trace('web', packet(1, 2, `${v6} && udp.dst==53`))).toEqual([])
    expect(await ovn.trace('web', packet(1, 2, `${v6} && icmp6.type==128`))).toEqual(['vm2'])
    // An address that is not the port's.
    expect(await ovn.trace('web', packet(1, 2, 'ip4.src==10.1.0.7 && ip4.dst==10.1.0.2 && tcp.dst==443'))).toEqual([])
    // Leaving is judged too.
    expect(await ovn.trace('web', packet(1, 3, 'ip4.src==10.1.0.1 && ip4.dst==10.1.0.3 && icmp4'))).toEqual([])
    const arp = 'inport=="vm1" && eth.src==02:00:00:00:00:01 && eth.dst==ff:ff:ff:ff:ff:ff && arp.op==1 && arp.sha==02:00:00:00:00:01 && arp.spa==10.1.0.1 && arp.tpa==10.1.0.3' // prettier-ignore
    expect(await ovn.trace('web', arp)).toContain('vm3')
  })

  test('shut in its prefix, a tenant still hears its neighbors: their words come from link-local addresses', async () => {
    const within = { ...anything, src: { cidr: 'fd00:a::/64', not: true } }
    const shut = deploymentOf({
      switches: [
        switchOf(1, {
          name: 'tenant',
          ports: [1, 2].map((n) => portOf(n, { addresses: [`fd00:a::${n}`, `fe80::${n}`] })),
          acls: [aclOf(1, { id: idOf(4, 1), action: 'drop', priority: 32_000, match: within })],
        }),
      ],
    })
    await using lab = await Lab.open()
    const ovn = await startOvn(lab)
    await apply(ovn, shut)
    const said = 'inport=="vm1" && eth.src==02:00:00:00:00:01 && eth.dst==02:00:00:00:00:02 && ip6.src==fe80::1 && ip6.dst==fe80::2 && ip.ttl==255' // prettier-ignore
    const answer = 'icmp6.type==136 && icmp6.code==0 && nd.target==fe80::1 && nd.tll==02:00:00:00:00:01'
    expect(await ovn.trace('tenant', `${said} && ${answer}`)).toEqual(['vm2'])
    expect(await ovn.trace('tenant', `${said} && tcp.dst==443`)).toEqual([])
  })
})
