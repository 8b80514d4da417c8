import { append } from '@powernode/events'
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import { US } from '../events/overlay-moved.ts'
import { runMoved } from '../events/run-moved.ts'
import { rollingBack, type PlannedStep, type Run, type RunStep, type Skill } from '../run.ts'
import * as runs from '../store/runs.ts'
import type { SdwanTx } from '../store/tables.ts'
import { showRun } from './show-run.ts'

export type Begun = { readonly run: Run; readonly steps: readonly RunStep[] }

type Said = {
  readonly skill: Skill
  /** As it was asked; MUST NOT hold a secret. */
  readonly request: Buffer
  readonly requestId: string
  readonly rollBackOnFailure: boolean
  readonly steps: readonly PlannedStep[]
  readonly by: By
  /** When somebody else goes on with it, unless whoever began it has brought it to its end. */
  readonly dueAt?: Date
}

/**
 * A skill is begun: every step is written down with the id of the record that it will make, before any is done. From then on
 * whoever finds the run goes on with it. The same request again is the same run.
 */
export async function beginRun(tx: SdwanTx, now: Date, said: Said): Promise<Begun> {
  const before = said.requestId === '' ? undefined : await runs.findByRequest(tx, said.requestId)
  if (before) return repeated(tx, before, said)
  const run: Run = {
    id: newId(now),
    requestId: said.requestId || null,
    skill: said.skill,
    request: said.request,
    state: 'running',
    rollBackOnFailure: said.rollBackOnFailure,
    failures: [],
    requestedBy: said.by.actor,
    correlationId: said.by.requestId ?? '',
    traceparent: said.by.traceparent ?? '',
    requestedAt: now,
    finishedAt: null,
    dueAt: said.dueAt ?? now,
    attempts: 0,
  }
  const steps = said.steps.map(({ name, action, makes }, place): RunStep => ({
    runId: run.id,
    place,
    name,
    action,
    status: 'pending',
    detail: '',
    recordKind: makes?.kind ?? null,
    recordId: makes?.id ?? null,
  }))
  await runs.insert(tx, run, steps)
  await announceRun(tx, now, { run, steps })
  return { run, steps }
}

async function repeated(tx: SdwanTx, run: Run, { request, skill, requestId }: Said): Promise<Begun> {
  if (run.skill !== skill || !run.request.equals(request))
    throw new Refusal('REQUEST_INVALID', `under request_id ${requestId} something else was asked already`, {
      next: 'choose another request_id',
    })
  return { run, steps: await runs.stepsOf(tx, run.id) }
}

/** A run is taken back: what it made goes, last first. One that is being taken back, or was, stays as it is. */
export async function beginRollBack(tx: SdwanTx, now: Date, { runId }: { readonly runId: string }): Promise<Begun> {
  const run = await runs.waitFor(tx, runId)
  if (!run) throw runNotFound(runId)
  const steps = await runs.stepsOf(tx, runId)
  if (run.state === 'rolling_back' || run.state === 'rolled_back') return { run, steps }
  const back = rollingBack(run, now)
  await runs.save(tx, back)
  return { run: back, steps }
}

export function runNotFound(runId: string): Refusal {
  return new Refusal('RUN_NOT_FOUND', `there is no run ${runId}`, {
    metadata: { run_id: runId },
    next: 'fedctl net run list',
  })
}

/** Tells how a run stands. MUST be called with the run held. */
export async function announceRun(tx: SdwanTx, now: Date, { run, steps }: Begun): Promise<void> {
  const by = { actor: run.requestedBy || US, requestId: run.correlationId, traceparent: run.traceparent }
  const news = runMoved(run.state, await showRun(tx, now, { run, steps }), { by, at: now })
  if (news) await append(tx, news)
}
