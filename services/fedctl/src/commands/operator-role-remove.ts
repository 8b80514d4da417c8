import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { written } from '../written.ts'

export const operatorRoleRemove = (run: Run) =>
  new Command('remove')
    .description('forget a role that nobody has')
    .argument('<name>', 'see: fedctl operator roles')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        if (!options.dryRun) await session.confirm(`Forget role ${name}?`)
        await session.clients.operators.setRole({ role: { name }, remove: true, dryRun: options.dryRun === true })
        return written({ dryRun: options.dryRun, data: { role: name }, text: () => `role ${name} is gone` })
      }),
    )
