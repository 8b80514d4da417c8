import {
  ListProblemsResponse_ProblemSchema as ProblemSchema,
  type ListProblemsResponse_Problem as Problem,
} from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import { plain } from '../plain.ts'
import { harmless } from '../render/paint.ts'
import { plural } from '../render/words.ts'
import type { Session } from '../session.ts'
import type { Intent } from './intent.ts'
import { namesIn, nodeNames } from './names-in.ts'

/** What is not as it is wanted: of one network (its slug or id), or everywhere. */
export const listProblems = async ({ clients }: Session, network = ''): Promise<readonly Problem[]> =>
  (await clients.network.listProblems({ network })).problems

export const plainProblem = (problem: Problem) => plain(ProblemSchema, problem)

/** One line each; empty where all is well. */
export function problemLines(problems: readonly Problem[], intent: Intent, { to }: Canvas): string {
  const nameOf = nodeNames(intent)
  return problems
    .map(({ code, record, message, leftOut }) => {
      const line = `${code} ${record}: ${message}`
      return `${leftOut ? to.bad('left out') : to.warn('warning ')}  ${harmless(namesIn(line, nameOf))}`
    })
    .join('\n')
}

/** How many there are, and where they are read. */
export function problemCount(problems: readonly Problem[], { to, paste }: Canvas): string {
  if (problems.length === 0) return ''
  const leftOut = problems.filter((problem) => problem.leftOut).length
  const count = `${plural(problems.length, 'problem')}${leftOut > 0 ? `, for ${leftOut} of them something is left out` : ''}`
  return to.warn(`${count}: ${paste('fedctl net problems')}`)
}
