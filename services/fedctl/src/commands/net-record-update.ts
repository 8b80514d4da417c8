import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import type { Kind } from '../net/kinds.ts'
import { updateRecord } from '../net/record.ts'
import { dryRun, fields, overrideTests, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { recordFrom } from '../said.ts'

/** Changes fields of one record; what is not said stays. */
export const netRecordUpdate = (run: Run, kind: Kind, argument: string, example: string) =>
  new Command('update')
    .description('change fields of it; the rest stays, and nobody may have changed it meanwhile')
    .argument(argument, 'its name or id')
    .option('-f, --file <file>', 'the fields as JSON or YAML; - reads them from stdin')
    .addOption(fields())
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, { file, set, ...options }) => {
        if (file === undefined && set === undefined) throw usage('nothing was given to change', `--set ${example}`)
        return updateRecord(session, { kind, named, said: recordFrom(session, file, set) }, options)
      }),
    )
