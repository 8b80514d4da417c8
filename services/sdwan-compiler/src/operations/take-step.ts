import type { Change } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import type { Refusal } from '@powernode/rpc'
import type { By } from '../by.ts'
import { stopsCompose } from '../compose-plan.ts'
import { composeChange, deletionOf, isolateChange } from '../run-changes.ts'
import { moved, nextOf, rollingBack, undoName, type Next, type Run, type RunState, type RunStep } from '../run.ts'
import { idMadeBy } from '../run-changes.ts'
import * as runs from '../store/runs.ts'
import type { SdwanTx } from '../store/tables.ts'
import { composeOf, isolateOf } from '../wire-run.ts'
import { announceRun } from './begin-run.ts'

/** The very verb by which operators change intent; returns what is to be kept in memory once it is committed. */
// oxlint-disable-next-line max-params -- a verb, with what it changes and for whom
export type ChangeNetwork<Kept> = (tx: SdwanTx, now: Date, changes: readonly Change[], by: By) => Promise<Kept>

export type Taken<Kept> =
  | { readonly outcome: 'over' | 'busy' }
  | { readonly outcome: 'taken'; readonly step: RunStep | undefined; readonly kept: Kept | undefined }

type Step<Kept> = {
  readonly runId: string
  readonly change: ChangeNetwork<Kept>
  /** Waits for whoever else drives it at this moment, instead of leaving it to them. */
  readonly patient?: boolean
}

/**
 * Goes one step on with a run. The record, that it was made, and what follows for the network are one transaction: killed before
 * its commit, nothing has happened; killed after, the next one goes on behind it. A step that is refused throws; its refusal
 * is then noted by `noteRefusal`, in a transaction of its own.
 */
export async function takeStep<Kept>(
  tx: SdwanTx,
  now: Date,
  { runId, change, patient = false }: Step<Kept>,
): Promise<Taken<Kept>> {
  const run = await (patient ? runs.waitFor(tx, runId) : runs.hold(tx, runId))
  if (!run) return { outcome: 'busy' }
  const steps = await runs.stepsOf(tx, runId)
  const next = nextOf(run, steps)
  if (!next) return { outcome: 'over' }
  if (next.act === 'finish') {
    await finish(tx, now, { run, steps, state: next.state })
    return { outcome: 'taken', step: undefined, kept: undefined }
  }
  const { step, act } = next
  const by = { actor: run.requestedBy, requestId: run.correlationId, traceparent: run.traceparent }
  const isGone = act === 'undo' && !(await runs.isThere(tx, step.recordKind ?? '', step.recordId ?? ''))
  const wanted = isGone ? undefined : await changeOf(tx, run, { step, steps, act })
  const kept = wanted && (await change(tx, now, [wanted], by))
  const status = act === 'perform' ? 'done' : 'undone'
  await runs.saveStep(tx, { ...step, status, detail: isGone ? 'it was gone already' : '' })
  return { outcome: 'taken', step, kept }
}

type At = { readonly step: RunStep; readonly steps: readonly RunStep[]; readonly act: 'perform' | 'undo' }

async function changeOf(tx: SdwanTx, run: Run, { step, steps, act }: At): Promise<Change | undefined> {
  if (act === 'undo') return deletionOf(step)
  if (run.skill === 'sdwan_federation_compose') return composeChange(composeOf(run), step, steps)
  const ground = await runs.standing(tx, idMadeBy(steps, 'create_network'))
  return isolateChange(isolateOf(run), step, { ...ground, steps })
}

async function finish(
  tx: SdwanTx,
  now: Date,
  { run, steps, state }: { readonly run: Run; readonly steps: readonly RunStep[]; readonly state: RunState },
): Promise<void> {
  const after = state === 'rolling_back' ? rollingBack(run, now) : moved(run, state, now)
  await runs.save(tx, after)
  await announceRun(tx, now, { run: after, steps })
}

/**
 * A step was refused: it is noted, with what the refusal says, and the run goes on without it, or ends when nothing of what
 * follows makes sense without it. Noted once, whoever else met the same refusal.
 */
export async function noteRefusal(
  tx: SdwanTx,
  _now: Date,
  { runId, refusal }: { readonly runId: string; readonly refusal: Refusal },
): Promise<void> {
  const run = await runs.waitFor(tx, runId)
  const steps = run ? await runs.stepsOf(tx, runId) : []
  const next: Next | undefined = run && nextOf(run, steps)
  if (!run || !next || next.act === 'finish') return
  const { step, act } = next
  const name = act === 'undo' ? undoName(step) : step.name
  const { reason, message } = refusal
  await runs.save(tx, { ...run, failures: [...run.failures, { step: name, reason, message }] })
  await runs.saveStep(tx, { ...step, status: act === 'undo' ? step.status : 'failed', detail: message })
  if (act === 'perform' && endsRun(run, step)) await runs.skipRest(tx, runId)
}

/** Of an isolation that is not whole nothing more is added; a composition goes on with the members that can be attached. */
const endsRun = ({ skill }: Run, { name }: RunStep): boolean => skill === 'multi_tenant_isolation' || stopsCompose(name)
