import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { addRecord } from '../net/record.ts'
import { dryRun, overrideTests, wait } from '../options.ts'
import { collect } from '../values.ts'

const SERVICE =
  '<destination>:<protocol>/<port>, for example db-1:tcp/5432, tag:web:tcp/443, [fd00::7]:icmp6; can be repeated'

export const netTestAdd = (run: Run) =>
  new Command('add')
    .description('who must reach what, and who must not: tried before every write, which it can refuse')
    .argument('<name>', 'unique')
    .requiredOption('--src <place>', "from where: a member's name, tag:<tag>, or an address")
    .option('--accept <service>', `must be reached: ${SERVICE}`, collect)
    .option('--deny <service>', 'must not be reached, likewise', collect)
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, { src, accept, deny, ...options }) =>
        addRecord(session, { kind: 'test', said: { name, src, accept, deny } }, options),
      ),
    )
