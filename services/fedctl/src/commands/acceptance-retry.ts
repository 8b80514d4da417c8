import { Argument, Command } from '@commander-js/extra-typings'
import { acceptanceOutcome } from '../acceptance-outcome.ts'
import type { Run } from '../invoke.ts'
import { wait } from '../options.ts'
import { uuid } from '../values.ts'
import { present } from '../written.ts'

const SOFT = ['sdwan_attach', 'governance_scan'] as const

export const acceptanceRetry = (run: Run) =>
  new Command('retry')
    .description('run one soft step again')
    .argument('<acceptance>', 'its id (see: fedctl acceptance list)', uuid)
    .addArgument(new Argument('<step>', 'which').choices(SOFT))
    .addOption(wait())
    .action(
      run(async (session, id, step, options) => {
        const answer = await session.clients.acceptance.runAcceptanceStep({ id, step })
        return acceptanceOutcome(session, present(answer.run, 'an acceptance'), options)
      }),
    )
