import { Refusal } from '@powernode/rpc'
import type { Id } from './world.ts'

export type Skill = 'sdwan_federation_compose' | 'multi_tenant_isolation'
export type RunState = 'running' | 'done' | 'partial' | 'failed' | 'rolling_back' | 'rolled_back'
export type StepStatus = 'pending' | 'done' | 'failed' | 'undone' | 'skipped'

/** Every state a run may come to from each. One not listed is refused, also by the database. */
export const RUN_MOVES: Readonly<Record<RunState, readonly RunState[]>> = {
  running: ['done', 'partial', 'failed', 'rolling_back'],
  done: ['rolling_back'],
  partial: ['rolling_back'],
  failed: [],
  rolling_back: ['rolled_back', 'partial'],
  rolled_back: [],
}

export type RunFailure = { readonly step: string; readonly reason: string; readonly message: string }

/** One run of a skill: what was asked of it, and how far it has come. */
export type Run = {
  readonly id: Id
  readonly requestId: string | null
  readonly skill: Skill
  readonly request: Buffer
  readonly state: RunState
  readonly rollBackOnFailure: boolean
  readonly failures: readonly RunFailure[]
  readonly requestedBy: string
  readonly correlationId: string
  readonly traceparent: string
  readonly requestedAt: Date
  readonly finishedAt: Date | null
  readonly dueAt: Date
  readonly attempts: number
}

export type RunStep = {
  readonly runId: Id
  readonly place: number
  readonly name: string
  readonly action: string
  readonly status: StepStatus
  readonly detail: string
  /** The record of intent that it makes; null: it only looks. */
  readonly recordKind: string | null
  readonly recordId: Id | null
}

/** A step as a skill plans it. */
export type PlannedStep = {
  readonly name: string
  /** For people: `attach_peer db-1 as a hub`. */
  readonly action: string
  readonly makes?: { readonly kind: string; readonly id: Id }
}

/** What comes next of a run: a step to be done or undone, or its end. */
export type Next =
  { readonly act: 'perform' | 'undo'; readonly step: RunStep } | { readonly act: 'finish'; readonly state: RunState }

/**
 * Pure: the same run with the same steps always goes on in the same way, whoever has driven it so far. Steps are done in their
 * order, and undone in reverse; what could not be undone stays where it is and is named.
 */
export function nextOf(run: Run, steps: readonly RunStep[]): Next | undefined {
  if (run.state === 'running') {
    const step = steps.find(({ status }) => status === 'pending')
    return step ? { act: 'perform', step } : { act: 'finish', state: endOf(run, steps) }
  }
  if (run.state !== 'rolling_back') return undefined
  const refused = new Set(run.failures.filter(({ step }) => step.startsWith(UNDO)).map(({ step }) => step))
  const step = steps.toReversed().find((one) => stands(one) && !refused.has(undoName(one)))
  if (step) return { act: 'undo', step }
  return { act: 'finish', state: steps.some(stands) ? 'partial' : 'rolled_back' }
}

const UNDO = 'undo '

/** Under which name the failure to undo a step stands: steps of one name are told apart by their place. */
export const undoName = ({ name, place }: RunStep): string => `${UNDO}${name}#${place}`

/** Whether a step has made a record that has not been taken away. */
export const stands = ({ status, recordId }: RunStep): boolean => status === 'done' && recordId !== null

function endOf(run: Run, steps: readonly RunStep[]): RunState {
  if (run.failures.length === 0) return 'done'
  if (!steps.some(stands)) return 'failed'
  return run.rollBackOnFailure ? 'rolling_back' : 'partial'
}

/** Something is missing of what was asked, and something of it is there. */
export const isPartial = (run: Run, steps: readonly RunStep[]): boolean => run.failures.length > 0 && steps.some(stands)

/** The run in another state. */
export function moved(run: Run, state: RunState, now: Date): Run {
  if (!RUN_MOVES[run.state].includes(state))
    throw new Refusal('RUN_STATE_FORBIDS', `a run that is ${run.state} does not become ${state}`, {
      metadata: { run_id: run.id, state: run.state },
      next: `fedctl net run show ${run.id}`,
    })
  const isOpen = state === 'running' || state === 'rolling_back'
  return { ...run, state, finishedAt: isOpen ? null : now, dueAt: now, attempts: 0 }
}

/** The run on its way back. What could not be undone the last time is tried again. */
export function rollingBack(run: Run, now: Date): Run {
  const failures = run.failures.filter(({ step }) => !step.startsWith(UNDO))
  return { ...moved(run, 'rolling_back', now), failures }
}
