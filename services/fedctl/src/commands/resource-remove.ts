import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { written } from '../written.ts'

export const resourceRemove = (run: Run) =>
  new Command('remove')
    .description('take a record out of our own catalogue')
    .argument('<kind>', 'for example NodeModule')
    .argument('<id>', 'its id; compared byte by byte')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, kind, id, options) => {
        if (!options.dryRun) await session.confirm(`Take ${kind} ${id} out of the catalogue?`)
        await session.clients.catalogue.removeResource({ kind, id, dryRun: options.dryRun === true })
        return written({ dryRun: options.dryRun, data: { kind, id }, text: () => `${kind} ${id} is gone` })
      }),
    )
