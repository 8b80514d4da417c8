import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { planFile, rehearsed } from '../net/file-change.ts'
import { overrideTests } from '../options.ts'
import { usage } from '../problem.ts'

export const netPlan = (run: Run) =>
  new Command('plan')
    .description('what would come of a file of intent: records, nodes, who can reach whom; nothing is changed')
    .requiredOption('-f, --file <file>', 'the whole intent as YAML or JSON; - reads it from stdin')
    .option('--keep', 'what the file does not speak of stays')
    .option('--out <file>', 'the plan goes there, to be carried out as it is: fedctl net apply --plan <file>')
    .addOption(overrideTests())
    .action(
      run(async (session, { file, keep = false, out, overrideTests }) => {
        const found = await rehearsed(session, { file, keep, overrideTests })
        if (out !== undefined) {
          if (!found.plan) throw usage('there is nothing to change, and so no plan')
          writeFileSync(resolve(session.env.cwd, out), planFile(found, overrideTests), { mode: 0o600 })
        }
        return found.outcome
      }),
    )
