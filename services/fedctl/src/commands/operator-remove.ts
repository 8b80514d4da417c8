import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { written } from '../written.ts'

export const operatorRemove = (run: Run) =>
  new Command('remove')
    .description('an operator may do nothing here any more; its certificate ends with fedctl cert revoke')
    .argument('<name>', 'see: fedctl operator list')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        if (!options.dryRun) await session.confirm(`Take everything from operator ${name}?`)
        await session.clients.operators.removeOperator({ name, dryRun: options.dryRun === true })
        return written({
          dryRun: options.dryRun,
          data: { name },
          text: (canvas) => canvas.paste(`${name} may do nothing here; next  fedctl cert revoke operator/${name}`),
        })
      }),
    )
