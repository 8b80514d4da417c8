import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { memberMoved } from '../member-move.ts'
import { child, dryRun, reason, wait } from '../options.ts'
import { usage } from '../problem.ts'

export const childPromote = (run: Run) =>
  new Command('promote')
    .description('a cluster_member takes over: our primary is fenced, the member catches up, then it is promoted')
    .addArgument(child())
    .option('--force', 'even when our primary cannot be fenced: two writable primaries are possible then')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        if (options.force && options.reason === '')
          throw usage('what is forced has a reason, which is recorded', '--force --reason <text>')
        if (!options.dryRun) await session.confirm(question(named, options.force === true))
        // The steps are shown until the member is the primary: there is nothing left to wait for.
        const said = { child: named, force: options.force === true, reason: options.reason }
        const steps = session.clients.spawning.promoteMember(
          { ...said, dryRun: options.dryRun === true },
          { signal: session.signal },
        )
        return memberMoved(session, steps, options.dryRun)
      }),
    )

const question = (named: string, isForced: boolean): string =>
  isForced
    ? `Promote ${named} even if our own primary can still be written to?`
    : `Cut off our own primary and promote ${named}?`
