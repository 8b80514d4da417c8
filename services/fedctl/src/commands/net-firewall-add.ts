import { Command, Option } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { addRecord } from '../net/record.ts'
import { SELECTORS } from '../net/texts.ts'
import { dryRun, network, overrideTests, wait } from '../options.ts'
import { whole } from '../values.ts'

export const netFirewallAdd = (run: Run) =>
  new Command('add')
    .description('a rule of a network: lowest priority first, and the first that matches decides')
    .addArgument(network())
    .argument('<name>', 'unique in its network')
    .addOption(
      new Option('--action <action>', 'what happens')
        .choices(['accept', 'drop', 'reject'] as const)
        .makeOptionMandatory(),
    )
    .option('--src <selector>', `from whom: ${SELECTORS} (default: all)`)
    .option('--dst <selector>', 'to whom, likewise (default: all)')
    .addOption(
      new Option('--protocol <protocol>', 'of what')
        .choices(['any', 'tcp', 'udp', 'icmp6'] as const)
        .default('any' as const),
    )
    .option('--ports <range>', '443, or 8000-8010; only with tcp and udp')
    .option('--priority <number>', '0 to 999999', whole, 1000)
    .addOption(
      new Option('--direction <direction>', 'where it is enforced, seen from dst')
        .choices(['ingress', 'egress', 'both'] as const)
        .default('both' as const),
    )
    .option('--disabled', 'written down, and not in force')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(
        async (
          session,
          above,
          name,
          { action, src, dst, protocol, ports, priority, direction, disabled, ...options },
        ) => {
          const said = { name, action, src, dst, protocol, dst_ports: ports, priority, direction, disabled }
          return addRecord(session, { kind: 'firewall_rule', above, said }, options)
        },
      ),
    )
