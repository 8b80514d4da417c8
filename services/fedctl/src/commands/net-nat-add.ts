import { Command, Option } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { addRecord } from '../net/record.ts'
import { dryRun, member, overrideTests, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { listed, whole } from '../values.ts'

export const netNatAdd = (run: Run) =>
  new Command('add')
    .description("what arrives at a hub's port is passed on inside")
    .addArgument(member())
    .requiredOption('--port <port>', 'where it arrives', whole)
    .requiredOption('--to <target>', 'member:<name> or vip:<name>, in the same network')
    .option('--to-port <port>', 'where it goes on (default: the same port)', whole)
    .addOption(new Option('--protocol <protocol>', 'of what').choices(['tcp', 'udp'] as const).default('tcp' as const))
    .option('--from <prefixes>', 'only from there; by commas', listed)
    .option('--rate-limit <number>', 'new connections a second', whole)
    .option('--max-connections <number>', 'at the same time', whole)
    .option('--disabled', 'written down, and not in force')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, above, options) => {
        const [, word, name] = /^(member|vip):(.+)$/.exec(options.to) ?? []
        if (name === undefined) throw usage(`"${options.to}" is no target`, '--to member:web-1, or --to vip:web')
        const said = {
          listen_port: options.port,
          protocol: options.protocol,
          [word === 'vip' ? 'target_virtual_ip' : 'target_member']: name,
          target_port: options.toPort,
          source_cidrs: options.from,
          rate_limit: options.rateLimit,
          max_connections: options.maxConnections,
          disabled: options.disabled,
        }
        return addRecord(session, { kind: 'port_mapping', above, said }, options)
      }),
    )
