import { inTransaction } from '@powernode/postgres'
import type { Spawn } from '../operations/read-spawn.ts'
import { noteUndoFailure, settleUndone } from '../operations/undo-child.ts'
import type { StepName } from '../step.ts'
import { AFTER_FAILURE, reasonOf } from './failure.ts'
import { SpawnFailed, type SagaDeps } from './performer.ts'
import { PERFORMERS, UNDO_ORDER } from './performers.ts'

const OVER: ReadonlySet<string> = new Set(['undone', 'skipped'])

/**
 * Takes back what was begun of a child: each step by itself, so that one that cannot be undone now holds up no other.
 * Returns how long to wait before the next round; none is needed when nothing is left.
 */
export async function undoRound(deps: SagaDeps, spawn: Spawn, signal: AbortSignal): Promise<number> {
  const { db, clock, logger, metrics, tokens } = deps
  const { child } = spawn
  tokens.refuse(child.id, new SpawnFailed(child.reason))
  const counted = metrics.counter('fed_spawn_undone_total', 'Steps of spawns that were taken back', ['step', 'outcome'])
  const left = new Set(spawn.steps.filter(({ status }) => !OVER.has(status)).map(({ name }) => name))
  let isStuck = false
  for (const name of UNDO_ORDER.filter((one) => left.has(one))) {
    try {
      const detail = (await PERFORMERS[name].undo?.(deps, spawn, signal)) ?? ''
      await inTransaction(db, (tx) => settleUndone(tx, clock.now(), { childId: child.id, names: [name], detail }))
      counted.inc({ step: name, outcome: 'done' })
    } catch (error) {
      if (signal.aborted) throw error
      isStuck = true
      counted.inc({ step: name, outcome: 'failed' })
      logger.warn({ task: name, child_id: child.id, error }, 'a step of a spawn could not be undone')
      await inTransaction(db, (tx) =>
        noteUndoFailure(tx, clock.now(), { childId: child.id, name, why: reasonOf(error) }),
      )
    }
  }
  const waiting = [...left].filter((name): name is StepName => PERFORMERS[name].undo === undefined)
  // Waiting leaves nothing behind: it is over with the rest, and the child is gone with the last of it.
  await inTransaction(db, (tx) => settleUndone(tx, clock.now(), { childId: child.id, names: waiting, detail: '' }))
  return isStuck ? AFTER_FAILURE : 0
}
