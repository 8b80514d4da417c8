import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import type { Kind } from '../net/kinds.ts'
import { addRecord } from '../net/record.ts'
import { dryRun, fields, overrideTests, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { recordFrom } from '../said.ts'

/** A record that is written as in a file of intent: it has too many shapes for options of its own. */
export const netRecordAdd = (run: Run, kind: Kind, description: string) =>
  new Command('add')
    .description(`${description}; its fields are those of a file of intent (docs/network.md)`)
    .option('-f, --file <file>', 'the record as JSON or YAML; - reads it from stdin')
    .addOption(fields())
    .option('--in <name>', 'what it lies in: the network, deployment or switch')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, { file, set, in: above, ...options }) => {
        if (file === undefined && set === undefined) throw usage('what is it to be?', '-f record.yaml, or --set name=value') // prettier-ignore
        const said = recordFrom(session, file, set)
        return addRecord(session, { kind, said, ...(above !== undefined && { above }) }, options)
      }),
    )
