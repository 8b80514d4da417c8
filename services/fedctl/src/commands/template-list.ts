import { Command } from '@commander-js/extra-typings'
import { TemplateSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { plain } from '../plain.ts'
import { templateTable } from '../render/providers.ts'

export const templateList = (run: Run) =>
  new Command('list')
    .description('what children can be made of')
    .option('--all', 'retired ones too')
    .action(
      run(async (session, { all }) => {
        const { templates } = await session.clients.spawning.listTemplates({ includeRetired: all === true })
        return {
          data: { templates: templates.map((template) => plain(TemplateSchema, template)) },
          text: (canvas) => templateTable(templates, canvas),
        }
      }),
    )
