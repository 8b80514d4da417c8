import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { enforcementText } from '../render/durations.ts'
import { plainEnforcement, written } from '../written.ts'

export const residencyRegionRemove = (run: Run) =>
  new Command('remove')
    .description('forget a region on which nothing stands')
    .argument('<name>', 'see: fedctl residency rules')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        if (!options.dryRun) await session.confirm(`Forget region ${name}?`)
        const { enforcement } = await session.clients.residency.removeRegion({ name, dryRun: options.dryRun === true })
        return written({
          dryRun: options.dryRun,
          data: { region: name, enforcement: plainEnforcement(enforcement) },
          text: () => [`${name} is gone`, enforcementText(enforcement)].filter(Boolean).join('\n'),
        })
      }),
    )
