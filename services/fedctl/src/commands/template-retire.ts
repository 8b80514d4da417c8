import { Command } from '@commander-js/extra-typings'
import { TemplateSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, template, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { templateTable } from '../render/providers.ts'
import { present, written } from '../written.ts'

export const templateRetire = (run: Run) =>
  new Command('retire')
    .description('make no new children of it; those there are stay')
    .addArgument(template())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { dryRun: isDryRun }) => {
        const said = { template: named, dryRun: isDryRun === true }
        const retired = present((await session.clients.spawning.retireTemplate(said)).template, 'a template')
        return written({
          dryRun: isDryRun,
          data: { template: plain(TemplateSchema, retired) },
          text: (canvas) => templateTable([retired], canvas),
        })
      }),
    )
