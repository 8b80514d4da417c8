import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { namesIn, nodeNames } from '../net/names-in.ts'
import { dryRun } from '../options.ts'
import { uuid } from '../values.ts'
import { written } from '../written.ts'

export const netOvnGiveUp = (run: Run) =>
  new Command('give-up')
    .description('wait no longer for a node that was to take the records of a deployment that ended out of a database')
    .argument('<deployment>', 'the name that it had, or its id where several bore it (see: fedctl net problems)')
    .option('--node <id>', 'only this node is not waited for', uuid)
    .requiredOption('--reason <text>', 'why it does not come back; stands in the ledger')
    .addOption(dryRun())
    .action(
      run(async (session, deployment, options) => {
        if (!options.dryRun)
          await session.confirm(`Wait no longer? What ${deployment} left in its database stays there.`)
        const { reason, node: nodeInstanceId = '' } = options
        const said = { deployment, nodeInstanceId, reason, dryRun: options.dryRun === true }
        const { lines } = await session.clients.network.giveOvnEndingUp(said)
        const nameOf = nodeNames(await loadIntent(session))
        return written({
          dryRun: options.dryRun,
          data: { lines },
          text: () => lines.map((line) => namesIn(line, nameOf)).join('\n'),
        })
      }),
    )
