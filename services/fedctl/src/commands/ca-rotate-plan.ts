import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { rotated } from '../rotated.ts'

export const caRotatePlan = (run: Run) =>
  new Command('plan')
    .description('begin to replace the CA: make the new one, and list everybody who must learn of it')
    .option('--rehearse', 'make the list only; change nothing')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, options) => {
        const rehearse = options.rehearse === true || options.dryRun === true
        // Planned when the call returns: there is nothing to wait for.
        const { rotation } = await session.clients.authority.planRotation({ rehearse })
        return rotated(rotation)
      }),
    )
