import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, provider, wait } from '../options.ts'
import { written } from '../written.ts'

export const providerDelete = (run: Run) =>
  new Command('delete')
    .description('forget a provider that runs nothing for us any more')
    .addArgument(provider())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { dryRun: isDryRun }) => {
        if (!isDryRun) await session.confirm(`Forget the provider ${named}?`)
        await session.clients.spawning.deleteProvider({ provider: named, dryRun: isDryRun === true })
        return written({ dryRun: isDryRun, data: { deleted: named }, text: () => `${named}: forgotten` })
      }),
    )
