import { Argument, Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { AT_MACHINES } from '../machines.ts'
import { dryRun, reason, wait } from '../options.ts'
import { effectLines } from '../render/effects.ts'
import { written } from '../written.ts'

export const instanceTerminate = (run: Run) =>
  new Command('terminate')
    .description('end a machine that no child needs; that of a child ends with `child terminate`')
    .addArgument(new Argument('<instance>', "id, hostname or the provider's own name (see: fedctl instance orphans)"))
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        if (!options.dryRun) await session.confirm(`End ${named}, with what is on it, for good?`)
        // Nothing of it is left when the call returns: there is nothing to wait for.
        const said = { instance: named, reason: options.reason, dryRun: options.dryRun === true }
        const { effects } = await session.clients.spawning.terminateInstance(said, AT_MACHINES)
        return written({ dryRun: options.dryRun, data: { effects }, text: () => effectLines(effects) })
      }),
    )
