import { Command } from '@commander-js/extra-typings'
import { RegionSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { plainEnforcement, present, written } from '../written.ts'

export const residencyRegionSet = (run: Run) =>
  new Command('set')
    .description('make a region known, or say in which larger one it lies')
    .argument('<name>', 'for example eu-west-1')
    .option('--in <region>', 'the larger one it lies in, for example eu', '')
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, options) => {
        const said = { name, parent: options.in, dryRun: options.dryRun === true }
        const answer = await session.clients.residency.setRegion(said)
        const region = present(answer.region, 'a region')
        return written({
          dryRun: options.dryRun,
          data: { region: plain(RegionSchema, region), enforcement: plainEnforcement(answer.enforcement) },
          text: () => `${region.name}${region.parent && `, in ${region.parent}`}`,
        })
      }),
    )
