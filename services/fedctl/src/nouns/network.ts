import type { CommandUnknownOpts } from '@commander-js/extra-typings'
import { netAccessPreview } from '../commands/net-access-preview.ts'
import { netAccessSet } from '../commands/net-access-set.ts'
import { netApply } from '../commands/net-apply.ts'
import { netCompile } from '../commands/net-compile.ts'
import { netCompose } from '../commands/net-compose.ts'
import { netCreate } from '../commands/net-create.ts'
import { netExport } from '../commands/net-export.ts'
import { netFirewallAdd } from '../commands/net-firewall-add.ts'
import { netMemberAdd } from '../commands/net-member-add.ts'
import { netNatAdd } from '../commands/net-nat-add.ts'
import { netNodes } from '../commands/net-nodes.ts'
import { netOvnGiveUp } from '../commands/net-ovn-give-up.ts'
import { netPlan } from '../commands/net-plan.ts'
import { netProblems } from '../commands/net-problems.ts'
import { netRecordAdd } from '../commands/net-record-add.ts'
import { netRecordList } from '../commands/net-record-list.ts'
import { netRecordRemove } from '../commands/net-record-remove.ts'
import { netRecordShow } from '../commands/net-record-show.ts'
import { netRecordUpdate } from '../commands/net-record-update.ts'
import { netRekey } from '../commands/net-rekey.ts'
import { netRoutes } from '../commands/net-routes.ts'
import { netRunList } from '../commands/net-run-list.ts'
import { netRunRollback } from '../commands/net-run-rollback.ts'
import { netRunShow } from '../commands/net-run-show.ts'
import { netTenantIsolate } from '../commands/net-tenant-isolate.ts'
import { netTenantList } from '../commands/net-tenant-list.ts'
import { netTest } from '../commands/net-test.ts'
import { netTestAdd } from '../commands/net-test-add.ts'
import { netTopology } from '../commands/net-topology.ts'
import { netVipAdd } from '../commands/net-vip-add.ts'
import { netVipFailover } from '../commands/net-vip-failover.ts'
import { netWhy } from '../commands/net-why.ts'
import type { Run } from '../invoke.ts'
import type { Kind } from '../net/kinds.ts'
import { noun } from './noun.ts'

/** What is wanted of the network, what follows from it for nodes, and what is there. */
export const networkNoun = (run: Run): CommandUnknownOpts =>
  noun('net', 'the network: what is wanted of it, what follows for every node, and what is there')
    .addCommand(netCreate(run))
    .addCommand(netRecordList(run, 'network', 'the networks there are'))
    .addCommand(netRecordShow(run, 'network', '<network>', 'one network, and everything in it'))
    .addCommand(netRecordUpdate(run, 'network', '<network>', 'mtu=1380'))
    .addCommand(netRecordRemove(run, 'network', '<network>', 'delete'))
    .addCommand(netPlan(run))
    .addCommand(netApply(run))
    .addCommand(netExport(run))
    .addCommand(netCompile(run))
    .addCommand(netWhy(run))
    .addCommand(tests(run))
    .addCommand(netTopology(run))
    .addCommand(netRoutes(run))
    .addCommand(netNodes(run))
    .addCommand(netProblems(run))
    .addCommand(netRekey(run))
    .addCommand(netCompose(run))
    .addCommand(
      records(run, netMemberAdd(run), { name: 'member', kind: 'member', about: 'nodes in a network', argument: '<member>', example: 'tags=["web"]' }), // prettier-ignore
    )
    .addCommand(
      records(run, netFirewallAdd(run), { name: 'firewall', kind: 'firewall_rule', about: 'who may reach whom', argument: '<rule>', example: 'disabled=true' }), // prettier-ignore
    )
    .addCommand(
      records(run, netNatAdd(run), { name: 'nat', kind: 'port_mapping', about: "ports of hubs that are passed on inside", argument: '<mapping>', example: 'rate_limit=100' }), // prettier-ignore
    )
    .addCommand(
      records(run, netVipAdd(run), { name: 'vip', kind: 'virtual_ip', about: 'addresses that pass from member to member', argument: '<vip>', example: 'advertised_med=10' }).addCommand(netVipFailover(run)), // prettier-ignore
    )
    .addCommand(
      records(run, netRecordAdd(run, 'route_policy', 'which routes are taken and told'), { name: 'route-policy', kind: 'route_policy', about: 'which routes are taken and told', argument: '<policy>', example: 'disabled=true' }), // prettier-ignore
    )
    .addCommand(
      records(run, netRecordAdd(run, 'route_leak', 'routes of one network in another'), { name: 'leak', kind: 'route_leak', about: 'routes of one network in another', argument: '<leak>', example: 'state=active' }), // prettier-ignore
    )
    .addCommand(
      records(run, netRecordAdd(run, 'account_bgp', 'how this platform takes part in BGP'), { name: 'bgp', kind: 'account_bgp', about: 'how this platform takes part in BGP', argument: '<bgp>', example: 'default_local_pref=200' }), // prettier-ignore
    )
    .addCommand(access(run))
    .addCommand(
      noun('tenant', 'whom nobody else reaches').addCommand(netTenantIsolate(run)).addCommand(netTenantList(run)),
    )
    .addCommand(ovn(run))
    .addCommand(
      noun('vrf', 'the tables that networks have on nodes').addCommand(netRecordList(run, 'vrf_assignment', 'tables, by node and network')), // prettier-ignore
    )
    .addCommand(
      noun('run', 'runs of skills: compose, isolate')
        .addCommand(netRunList(run))
        .addCommand(netRunShow(run))
        .addCommand(netRunRollback(run)),
    )

type Records = {
  readonly name: string
  readonly kind: Kind
  readonly about: string
  readonly argument: string
  readonly example: string
}

/** What can be done with records of a kind: each is made in its own way, the rest is alike. */
const records = (run: Run, add: CommandUnknownOpts, { name, kind, about, argument, example }: Records) =>
  noun(name, about)
    .addCommand(add)
    .addCommand(netRecordList(run, kind, about))
    .addCommand(netRecordShow(run, kind, argument, 'one of them, and what hangs on it'))
    .addCommand(netRecordUpdate(run, kind, argument, example))
    .addCommand(netRecordRemove(run, kind, argument))

const tests = (run: Run) =>
  netTest(run)
    .addCommand(netTestAdd(run))
    .addCommand(netRecordList(run, 'test', 'the tests there are'))
    .addCommand(netRecordRemove(run, 'test', '<test>'))

const access = (run: Run) =>
  noun('access', 'which prefixes cross the border with a federation peer, and where')
    .addCommand(netAccessSet(run))
    .addCommand(netAccessPreview(run))
    .addCommand(netRecordList(run, 'prefix_access', 'with whom, and which'))
    .addCommand(netRecordShow(run, 'prefix_access', '<peer>', 'with one peer, and what it last said of its end'))
    .addCommand(netRecordRemove(run, 'prefix_access', '<peer>'))

const OVN: readonly Records[] = [
  {
    name: 'deployment',
    kind: 'ovn_deployment',
    about: 'OVN deployments',
    argument: '<deployment>',
    example: 'status=active',
  },
  { name: 'switch', kind: 'ovn_switch', about: 'logical switches', argument: '<switch>', example: 'state=active' },
  { name: 'port', kind: 'ovn_port', about: 'ports of logical switches', argument: '<port>', example: 'state=active' },
  { name: 'acl', kind: 'ovn_acl', about: 'ACLs of logical switches', argument: '<acl>', example: 'state=active' },
]

const ovn = (run: Run) => {
  const command = noun('ovn', 'logical switches, their ports and ACLs')
  for (const row of OVN) command.addCommand(records(run, netRecordAdd(run, row.kind, row.about), row))
  return command.addCommand(netOvnGiveUp(run))
}
