import { Command } from '@commander-js/extra-typings'
import type { Run } from '../invoke.ts'
import { loadIntent } from '../net/load.ts'
import { listProblems, plainProblem, problemLines } from '../net/problems.ts'

export const netProblems = (run: Run) =>
  new Command('problems')
    .description('what is not as it is wanted, and why: left out of what was compiled, or still to be done by somebody')
    .argument('[network]', 'only of this network: its slug, name or id', '')
    .action(
      run(async (session, network) => {
        const problems = await listProblems(session, network)
        const intent = await loadIntent(session)
        return {
          data: { problems: problems.map(plainProblem) },
          text: (canvas) => problemLines(problems, intent, canvas) || canvas.to.good('all is as it is wanted'),
        }
      }),
    )
