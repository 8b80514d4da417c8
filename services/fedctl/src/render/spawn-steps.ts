import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { ChildState, type Child, type SpawnStep } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas } from '../output.ts'
import { childColour } from './children.ts'
import { harmless, type Paint } from './paint.ts'
import { table } from './table.ts'
import { moment, span } from './time.ts'
import { word } from './words.ts'

/** How far each step of a spawn has come. */
export function stepTable(steps: readonly SpawnStep[], { now, to, width }: Canvas): string {
  return table(
    steps,
    [
      { title: 'STEP', text: ({ name }) => name },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => stepColour(to, status) },
      { title: 'TRIES', text: ({ attempts }) => (attempts > 0 ? String(attempts) : '-') },
      { title: 'TOOK', text: (step) => took(step, now) },
      { title: 'DETAIL', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )
}

/** One step as it is taken: 14:05:31  west-1  provisioning  create_instance  done     2s  process 4711. */
export function stepLine(child: Child, step: SpawnStep, at: Timestamp | undefined, { now, to }: Canvas): string {
  const lasted = step.finishedAt ? took(step, now) : ''
  const words = [step.name.padEnd(15), stepColour(to, step.status)(step.status.padEnd(8)), lasted.padEnd(5)]
  return [opening(child, at, to), ...words, harmless(oneLine(step.detail))].join('  ').trimEnd()
}

/** That a child came to another state: 14:05:33  west-1  active  beats go both ways. */
export const stateLine = (child: Child, at: Timestamp | undefined, { to }: Canvas): string =>
  `${opening(child, at, to)}  ${harmless(oneLine(child.reason))}`.trimEnd()

function opening(child: Child, at: Timestamp | undefined, to: Paint): string {
  const state = word(ChildState, child.state).padEnd(12)
  return [to.dim(moment(at).slice(-8)), harmless(child.hostname), childColour(to, child.state)(state)].join('  ')
}

/** How long a step took, or has taken so far. */
function took({ startedAt, finishedAt }: SpawnStep, now: Date): string {
  if (!startedAt) return '-'
  const end = finishedAt ? timestampDate(finishedAt) : now
  return span(Math.max(0, end.getTime() - timestampDate(startedAt).getTime()))
}

function stepColour(to: Paint, status: string): (text: string) => string {
  if (status === 'done') return to.good
  if (status === 'failed') return to.bad
  return status === 'running' ? to.warn : to.dim
}

const oneLine = (text: string): string => text.replaceAll(/\s*\n\s*/g, ' ')
