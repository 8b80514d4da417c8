import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { KINDS, type Kind } from '../net/kinds.ts'
import { loadIntent } from '../net/load.ts'
import { listProblems, plainProblem, problemLines } from '../net/problems.ts'
import { plainRecord, recordSheet } from '../render/net-records.ts'

/** One record, and what hangs on it. */
export const netRecordShow = (run: Run, kind: Kind, argument: string, description: string) =>
  new Command('show')
    .description(description)
    .argument(argument, 'its name or id')
    .action(
      run(async (session, named) => {
        const intent = await loadIntent(session)
        const record = intent.must(kind, named)
        const below = intent
          .under(record.id)
          .map((one) => ({ kind: one.kind, name: intent.nameOf(one.id), id: one.id }))
        const problems = kind === 'network' ? await listProblems(session, record.id) : []
        const hanging = below.map((one) => `${KINDS[one.kind].word} ${one.name}`)
        return {
          data: {
            [kind]: plainRecord(intent, record),
            used_by: below,
            ...(kind === 'network' && { problems: problems.map(plainProblem) }),
          },
          text: (canvas) =>
            [recordSheet(intent, record, hanging, canvas), problemLines(problems, intent, canvas)]
              .filter(Boolean)
              .join('\n\n'),
        }
      }),
    )
