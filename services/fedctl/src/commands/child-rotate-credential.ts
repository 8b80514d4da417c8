import { Command } from '@commander-js/extra-typings'
import { changedChild } from '../changed-child.ts'
import type { Run } from '../invoke.ts'
import { child, dryRun, wait } from '../options.ts'

export const childRotateCredential = (run: Run) =>
  new Command('rotate-credential')
    .description(
      "a new password for a cluster_member's role; it is handed over on the member's own line, and not shown",
    )
    .addArgument(child())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { dryRun: isDryRun }) => {
        // The old one opens no new connection when the call returns: there is nothing to wait for.
        const said = { child: named, dryRun: isDryRun === true }
        const { child: now } = await session.clients.spawning.rotateMemberCredential(said)
        return changedChild(now, { dryRun: isDryRun })
      }),
    )
