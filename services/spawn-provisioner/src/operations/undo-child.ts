import { moved, type Child, type Ending } from '../child.ts'
import { UNDO_FAILS } from '../standing.ts'
import type { Step, StepName } from '../step.ts'
import * as children from '../store/children.ts'
import * as instances from '../store/instances.ts'
import * as steps from '../store/steps.ts'
import type { SpawnTx } from '../store/tables.ts'
import { tell, type By } from './tell.ts'

export type Undoing = {
  readonly childId: string
  readonly ending: Ending
  readonly reason: string
  readonly by?: By
  /** The step that could not be done. */
  readonly failed?: StepName
}

/**
 * From now on the child is undone: nothing of it is begun any more, and what was begun is taken back by whoever attends
 * to it. Safe to repeat; the first reason stands.
 */
export async function beginUndo(tx: SpawnTx, now: Date, said: Undoing): Promise<Child> {
  const child = await children.lock(tx, said.childId)
  if (child.ending !== null) return child
  const { ending, reason, by } = said
  const undoing: Child = {
    ...moved(child, 'undo', reason, now),
    ending,
    invitationExpiresAt: null,
    stampDueAt: null,
  }
  await children.save(tx, undoing)
  let failed: Step | undefined
  for (const step of await steps.listOf(tx, child.id)) {
    if (step.name === said.failed) {
      failed = { ...step, status: 'failed', finishedAt: now, detail: reason.slice(0, 1_000) }
      await steps.save(tx, failed)
    } else if (step.attempts === 0) await steps.save(tx, { ...step, status: 'skipped' })
  }
  await tell(tx, ending, { child: undoing, at: now, reason, by, step: failed })
  await children.ring(tx, child.id)
  return undoing
}

/** What a step did is undone. When it was the last one, nothing is left of the child but its record. */
export async function settleUndone(
  tx: SpawnTx,
  now: Date,
  { childId, names, detail }: { childId: string; names: readonly StepName[]; detail: string },
): Promise<Child> {
  const child = await children.lock(tx, childId)
  const all = await steps.listOf(tx, childId)
  for (const step of all)
    if (names.includes(step.name)) await steps.save(tx, { ...step, status: 'undone', finishedAt: now, detail })
  const isOver = all.every(({ name, status }) => OVER.has(status) || names.includes(name))
  if (!isOver || child.state !== 'undoing') return child
  const gone = moved(child, 'clear', child.reason, now)
  await children.save(tx, gone)
  const instance = await instances.find(tx, child.instanceId)
  if (instance) await instances.save(tx, { ...instance, state: 'gone', reason: child.reason, since: now })
  await tell(tx, 'gone', { child: gone, at: now, reason: child.reason })
  return gone
}

/** A step could not be undone now; it is tried again. */
export async function noteUndoFailure(
  tx: SpawnTx,
  _now: Date,
  { childId, name, why }: { childId: string; name: StepName; why: string },
): Promise<void> {
  const step = (await steps.listOf(tx, childId)).find((one) => one.name === name)
  if (!step) return
  const detail = `${UNDO_FAILS}${why}`.slice(0, 1_000)
  await steps.save(tx, { ...step, status: 'failed', attempts: step.attempts + 1, detail })
}

const OVER: ReadonlySet<Step['status']> = new Set(['undone', 'skipped'])
