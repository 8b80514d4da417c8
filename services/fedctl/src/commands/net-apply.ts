import { resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { change } from '../net/change.ts'
import { readPlanFile, rehearsed } from '../net/file-change.ts'
import { dryRun, overrideTests, wait } from '../options.ts'
import { usage } from '../problem.ts'
import { plural } from '../render/words.ts'
import { read } from '../said.ts'

export const netApply = (run: Run) =>
  new Command('apply')
    .description('make the network what a file says, all or nothing; applied again, it changes nothing')
    .option('-f, --file <file>', 'the whole intent as YAML or JSON; - reads it from stdin')
    .option('--plan <file>', 'instead: a plan as `net plan --out` wrote it, if that is still what comes of it')
    .option('--keep', 'what the file does not speak of stays')
    .addOption(overrideTests())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, { file, plan: planned, keep = false, ...options }) => {
        if ((file === undefined) === (planned === undefined)) throw usage('either a file of intent, or a plan', '-f network.yaml') // prettier-ignore
        if (planned !== undefined) {
          const said = readPlanFile(read(resolve(session.env.cwd, planned), planned), planned)
          return change(session, said.changes, { ...options, ...said })
        }
        const found = await rehearsed(session, { file: file ?? '', keep, overrideTests: options.overrideTests })
        if (options.dryRun || !found.plan) return found.outcome
        const { act, plan, changes, requestId } = found
        const gone = act.filter((one) => one.act === 'delete').length
        const question = `${plural(changes.length, 'record')} will be otherwise, ${gone} of them gone. Go on?`
        if (session.env.canAsk) session.emit(found.outcome)
        await session.confirm(question)
        // What was shown, and nothing else.
        return change(session, changes, { ...options, planSha256: plan.sha256, requestId })
      }),
    )
