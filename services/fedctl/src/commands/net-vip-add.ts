import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { addRecord } from '../net/record.ts'
import { dryRun, network, overrideTests, wait } from '../options.ts'
import { listed, whole } from '../values.ts'

export const netVipAdd = (run: Run) =>
  new Command('add')
    .description('an address that a member holds, and that passes on to another')
    .addArgument(network())
    .argument('<name>', 'unique in its network')
    .requiredOption('--address <prefix>', 'fd00::7/128 or 192.0.2.7/32')
    .option('--holder <members>', 'who holds it, the first before all; by commas', listed)
    .option('--failover <members>', 'who takes it over, in this order; by commas', listed)
    .option('--anycast', 'all holders hold it at once: takes two or more')
    .option('--med <number>', 'told to neighbours in BGP', whole)
    .option('--local-pref <number>', 'within the platform (default 100)', whole)
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, above, name, options) => {
        const said = {
          name,
          cidr: options.address,
          holder_members: options.holder,
          failover_members: options.failover,
          anycast: options.anycast,
          advertised_med: options.med,
          advertised_local_pref: options.localPref,
        }
        return addRecord(session, { kind: 'virtual_ip', above, said }, options)
      }),
    )
