import { backoffMs, Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { runTasks } from '@powernode/process'
import type { SdwanDeps } from '../sdwan-deps.ts'
import * as runs from '../store/runs.ts'
import { driveRun, type DriveDeps } from './drive-run.ts'

const AT_ONCE = 8
const SLOWEST_LOOK_MS = 10_000
/** Whoever asked for a run drives it; others look after it when it has had so long. */
const RETRY = { firstMs: 500, mostMs: 60_000 }

type Deps = DriveDeps & Pick<SdwanDeps, 'listener' | 'logger'>

/** Goes on with every run that is not over: begun by an approval, or left by a process that was killed. */
export async function driveRuns(deps: Deps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(runs.RUNS_CHANNEL, () => bell.ring(), stop),
    (stop) => driveDue(deps, bell, stop),
  ])
}

async function driveDue(deps: Deps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const due = await inTransaction(db, (tx) => runs.due(tx, clock.now(), AT_ONCE))
      await Promise.all(due.map((runId) => driveOne(deps, runId, signal)))
      waitMs = due.length === AT_ONCE ? 1 : await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'runs', error }, 'runs cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
}

async function untilNext({ db, clock }: Deps): Promise<number> {
  const next = await inTransaction(db, runs.nextDueAt)
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(50, ms))
}

async function driveOne(deps: Deps, runId: string, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  try {
    await driveRun(deps, { runId }, signal)
  } catch (error) {
    if (signal.aborted) return
    logger.warn({ task: 'runs', run_id: runId, error }, 'a run could not go on; it is tried again')
    const run = await inTransaction(db, (tx) => runs.find(tx, runId))
    const at = new Date(clock.now().getTime() + backoffMs((run?.attempts ?? 0) + 1, RETRY))
    await inTransaction(db, (tx) => runs.postpone(tx, runId, at))
  }
}
