import type { JsonObject } from '@bufbuild/protobuf'
import { Command } from '@commander-js/extra-typings'
import { TemplateSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, fields, wait } from '../options.ts'
import { plain } from '../plain.ts'
import { templateTable } from '../render/providers.ts'
import { recordFrom } from '../said.ts'
import { present, written } from '../written.ts'

export const templateCreate = (run: Run) =>
  new Command('create')
    .description('what children can be made of; the spec is handed to the provider as it is')
    .argument('<name>', 'small letters, digits and hyphens')
    .option('--description <text>', 'what it is for', '')
    .option(
      '--spec <file>',
      'JSON or YAML, - for stdin: which image, what it runs; provider, contact, jurisdiction, advertise_url',
    )
    .addOption(fields())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, name, { description, spec: file, set, dryRun: isDryRun }) => {
        const spec = recordFrom(session, file, set) as JsonObject // JSON, YAML and pairs make nothing else
        const said = { name, description, spec, dryRun: isDryRun === true }
        const template = present((await session.clients.spawning.createTemplate(said)).template, 'a template')
        return written({
          dryRun: isDryRun,
          data: { template: plain(TemplateSchema, template) },
          text: (canvas) => templateTable([template], canvas),
        })
      }),
    )
