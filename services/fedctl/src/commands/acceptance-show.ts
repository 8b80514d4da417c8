import { Command } from '@commander-js/extra-typings'
import { acceptanceOutcome } from '../acceptance-outcome.ts'
import type { Run } from '../invoke.ts'
import { wait } from '../options.ts'
import { uuid } from '../values.ts'
import { present } from '../written.ts'

export const acceptanceShow = (run: Run) =>
  new Command('show')
    .description('one acceptance: its steps, what it brought, what is left to do')
    .argument('<acceptance>', 'its id (see: fedctl acceptance list), or that of its approval', uuid)
    .addOption(wait())
    .action(
      run(async (session, id, options) => {
        const answer = await session.clients.acceptance.getAcceptance({ id })
        return acceptanceOutcome(session, present(answer.run, 'an acceptance'), options)
      }),
    )
