import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { uuid } from '../values.ts'
import { DRIVEN, ranOutcome } from '../net/runs.ts'
import { dryRun, wait } from '../options.ts'
import { present } from '../written.ts'

export const netRunRollback = (run: Run) =>
  new Command('rollback')
    .description('take away what a run made, last first; what cannot be is named')
    .argument('<run>', 'its id (see: fedctl net run list)', uuid)
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, runId, options) => {
        if (!options.dryRun) await session.confirm(`Take away all that run ${runId} made?`)
        const { run: found } = await session.clients.network.rollBackRun(
          { runId, dryRun: options.dryRun === true },
          DRIVEN,
        )
        return ranOutcome(session, present(found, 'a run'), options)
      }),
    )
