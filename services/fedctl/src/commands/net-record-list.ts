import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { KINDS, type Kind } from '../net/kinds.ts'
import { loadIntent } from '../net/load.ts'
import { listProblems, plainProblem, problemCount } from '../net/problems.ts'
import { usage } from '../problem.ts'
import { plainRecord, recordTable } from '../render/net-records.ts'

/** The records of one kind; of one network, where they belong to one. */
export const netRecordList = (run: Run, kind: Kind, description: string) =>
  new Command('list')
    .description(description)
    .option('--network <network>', 'only of this network: its slug or id')
    .action(
      run(async (session, { network: named }) => {
        const intent = await loadIntent(session)
        if (named !== undefined && kind === 'network') throw usage('a network is in no network', 'fedctl net show <network>') // prettier-ignore
        const network = named === undefined ? undefined : intent.nameOf(intent.must('network', named).id)
        const records = intent
          .ofKind(kind)
          .filter((record) => network === undefined || intent.networkOf(record) === network)
          .toSorted((one, other) => (intent.nameOf(one.id) < intent.nameOf(other.id) ? -1 : 1))
        const problems = kind === 'network' ? await listProblems(session) : []
        return {
          data: {
            [KINDS[kind].section]: records.map((record) => plainRecord(intent, record)),
            ...(kind === 'network' && { problems: problems.map(plainProblem) }),
          },
          text: (canvas) =>
            [recordTable(kind, records, intent, canvas), problemCount(problems, canvas)].filter(Boolean).join('\n\n'),
        }
      }),
    )
