import { Command } from '@commander-js/extra-typings'
import { changedChild } from '../changed-child.ts'
import type { Run } from '../invoke.ts'
import { AT_MACHINES } from '../machines.ts'
import { child, dryRun, wait } from '../options.ts'
import { bootTokenText } from '../render/boot-token.ts'

export const childRotateToken = (run: Run) =>
  new Command('rotate-token')
    .description('a new boot token in place of the old, which is dead at once; the instance is handed it')
    .addArgument(child())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        // The old one is dead when the call returns: there is nothing to wait for.
        const said = { child: named, dryRun: options.dryRun === true }
        const { child: now, acceptanceToken } = await session.clients.spawning.rotateToken(said, AT_MACHINES)
        return changedChild(now, {
          dryRun: options.dryRun,
          data: { acceptance_token: acceptanceToken },
          text: (canvas) => bootTokenText(acceptanceToken, canvas),
        })
      }),
    )
