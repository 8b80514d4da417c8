import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { memberMoved } from '../member-move.ts'
import { child, dryRun, reason, wait } from '../options.ts'

export const childFailBack = (run: Run) =>
  new Command('fail-back')
    .description('the way back from a promotion: our database follows the member, catches up, and takes over again')
    .addArgument(child())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        if (!options.dryRun) await session.confirm(`Take over again from ${named}? What only we hold is given up.`)
        // The steps are shown until we are the primary again: there is nothing left to wait for.
        const said = { child: named, reason: options.reason, dryRun: options.dryRun === true }
        const steps = session.clients.spawning.failBack(said, { signal: session.signal })
        return memberMoved(session, steps, options.dryRun)
      }),
    )
