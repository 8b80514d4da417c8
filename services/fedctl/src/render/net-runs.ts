import type { Run, Run_Step } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import type { Canvas } from '../output.ts'
import type { NameOf } from '../net/kinds.ts'
import { namesIn } from '../net/names-in.ts'
import { harmless, type Paint } from './paint.ts'
import { planText } from './net-plan.ts'
import { sheet, table } from './table.ts'
import { moment } from './time.ts'

export function runTable(runs: readonly Run[], { to, width }: Canvas): string {
  if (runs.length === 0) return 'no skill has run'
  return table(
    runs,
    [
      { title: 'RUN', text: ({ id }) => id },
      { title: 'SKILL', text: ({ skill }) => skill },
      { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => stateOf(to, state) },
      {
        title: 'STEPS',
        text: ({ steps }) => `${steps.filter(({ status }) => status === 'done').length}/${steps.length}`,
      },
      { title: 'SINCE', text: ({ requestedAt }) => moment(requestedAt) },
      { title: 'BY', text: ({ requestedBy }) => requestedBy },
    ],
    to,
    width,
  )
}

/** One run: what it would do, or how far it has come; what it made, and what failed. */
export function runText(run: Run, canvas: Canvas, nameOf: NameOf = (id) => id): string {
  const { to, width, paste } = canvas
  const head = sheet(
    [
      ['run', run.id, to.bold],
      ['skill', run.skill],
      ['state', run.partial ? `${run.state}, partial` : run.state, stateOf(to, run.state)],
      ['planned', run.plannedActions.map((action) => `- ${namesIn(action, nameOf)}`).join('\n')],
      ...Object.entries(run.outputs)
        .toSorted(([one], [other]) => (one < other ? -1 : 1))
        .map(([name, value]) => [name.replaceAll('_', ' '), value] as const),
      ['next', run.state === 'partial' || run.state === 'failed' ? paste(`fedctl net run rollback ${run.id}`) : ''],
    ],
    to,
  )
  const failed = run.failures.map(({ step, reason, message }) => to.bad(`failed  ${harmless(`${step}: ${message} (${reason})`)}`)) // prettier-ignore
  const steps = run.steps.length > 0 && !run.dryRun ? stepTable(run.steps, to, width) : ''
  const plan = run.plan ? planText(run.plan, canvas, nameOf) : ''
  return [head, steps, failed.join('\n'), plan].filter((part) => part !== '').join('\n\n')
}

const stepTable = (steps: readonly Run_Step[], to: Paint, width: number | undefined): string =>
  table(
    steps,
    [
      { title: 'STEP', text: ({ name }) => name },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => stateOf(to, status) },
      { title: 'MADE', text: ({ made }) => made || '-' },
      { title: 'DETAIL', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )

function stateOf(to: Paint, state: string): (text: string) => string {
  if (state === 'done') return to.good
  if (state === 'failed' || state === 'partial') return to.bad
  return state === 'rolled_back' || state === 'undone' || state === 'skipped' ? to.dim : to.warn
}
