import { backoffMs, type Doorbell } from '@powernode/clock'
import { inTransaction } from '@powernode/postgres'
import { elapsed } from '@powernode/process'
import { refusalOf, type Reason } from '@powernode/rpc'
import { SETTLED, type Child } from '../child.ts'
import { readSpawn, type Spawn } from '../operations/read-spawn.ts'
import { beginStep, finishStep, noteFailure } from '../operations/take-step.ts'
import { beginUndo } from '../operations/undo-child.ts'
import { givenUp } from '../silence.ts'
import { currentOf, type Step } from '../step.ts'
import * as children from '../store/children.ts'
import { AFTER_FAILURE, reasonOf } from './failure.ts'
import { SpawnEnded, SpawnFailed, type SagaDeps } from './performer.ts'
import { PERFORMERS } from './performers.ts'
import { undoRound } from './undo-round.ts'

/** How often a child that says nothing by itself is looked at. */
const LOOK_EVERY_MS = 500
const RETRY = { firstMs: 250, mostMs: 15_000 }
/** So often a step may fail for a reason that nobody promised would pass. */
const MOST_FAULTS = 8

/**
 * Takes a child through its steps until it is active, or undone. Goes on where whoever had it before left off: what is
 * written down is all that it knows, but for a token that no machine has yet.
 */
export async function driveChild(
  deps: SagaDeps,
  { childId, bell }: { readonly childId: string; readonly bell: Doorbell },
  signal: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!signal.aborted) {
    let waitMs: number
    try {
      const spawn = await inTransaction(deps.db, (tx) => readSpawn(tx, childId))
      if (SETTLED.includes(spawn.child.state)) return
      waitMs = spawn.child.state === 'undoing' ? await undoRound(deps, spawn, signal) : await stepRound(deps, spawn, { bell, signal }) // prettier-ignore
      failures = waitMs === AFTER_FAILURE ? failures + 1 : 0
    } catch (error) {
      if (signal.aborted) return
      failures += 1
      waitMs = AFTER_FAILURE
      deps.logger.warn({ task: 'spawn', child_id: childId, error }, 'a spawn could not go on; it is tried again')
    }
    if (waitMs === AFTER_FAILURE) waitMs = backoffMs(failures, RETRY)
    if (waitMs > 0) await bell.wait(deps.clock, waitMs, signal)
  }
}

type Until = { readonly bell: Doorbell; readonly signal: AbortSignal }

/** One try at the step that is next. Returns how long to wait before the next round. */
async function stepRound(deps: SagaDeps, spawn: Spawn, until: Until): Promise<number> {
  const { db, clock, metrics } = deps
  const step = currentOf(spawn.steps)
  if (!step) throw new Error(`child ${spawn.child.id} has done every step, and is ${spawn.child.state}`)
  const of = { childId: spawn.child.id, name: step.name }
  if (!(await inTransaction(db, (tx) => beginStep(tx, clock.now(), of)))) return 0
  const counted = metrics.counter('fed_spawn_steps_total', 'Steps of spawns, by how they went', ['step', 'outcome'])
  const took = metrics.histogram('fed_spawn_step_duration_seconds', 'How long steps of spawns took', ['step'], SECONDS)
  const tookMs = elapsed()
  try {
    const begun = await inTransaction(db, (tx) => readSpawn(tx, of.childId))
    const made = await untilUndone(deps, begun, until, (stop) => PERFORMERS[step.name].perform(deps, begun, stop))
    if (!made) return await waitOrGiveUp(deps, step)
    took.observe({ step: step.name }, tookMs() / 1_000)
    const done = await inTransaction(db, (tx) => finishStep(tx, clock.now(), { ...of, made }))
    if (done?.state === 'active') measure(deps, done)
    counted.inc({ step: step.name, outcome: 'done' })
    return 0
  } catch (error) {
    if (until.signal.aborted) throw error
    counted.inc({ step: step.name, outcome: 'failed' })
    return cannot(deps, step, error)
  }
}

const WATCH_MS = 60_000

/** Runs a step, and stops it when somebody decides meanwhile that the child is not to be. */
async function untilUndone<Made>(
  { db, clock }: SagaDeps,
  { child }: Spawn,
  { bell, signal }: Until,
  perform: (signal: AbortSignal) => Promise<Made>,
): Promise<Made> {
  const undone = new AbortController()
  const done = new AbortController()
  let hasRung = false
  const watch = async () => {
    const either = AbortSignal.any([signal, done.signal])
    while (!either.aborted) {
      if (!(await bell.wait(clock, WATCH_MS, either))) continue
      hasRung = true
      const now = await inTransaction(db, (tx) => children.find(tx, child.id))
      if (now && now.ending !== null) return undone.abort()
    }
  }
  const watching = watch().catch(() => undone.abort()) // blind for what is decided: begun anew, knowing it
  try {
    return await perform(AbortSignal.any([signal, undone.signal]))
  } finally {
    done.abort()
    await watching
    if (hasRung) bell.ring() // what it rang for may be for the next round
  }
}

/** How long it took from the request until beats went both ways. */
function measure({ metrics, clock }: SagaDeps, { createdAt }: Child): void {
  const seconds = metrics.histogram('fed_spawn_seconds', 'From the request of a child until it was active', [], SECONDS)
  seconds.observe((clock.now().getTime() - createdAt.getTime()) / 1_000)
}

const SECONDS = [2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600]

async function waitOrGiveUp(deps: SagaDeps, { childId, name }: Step): Promise<number> {
  await giveUpInTime(deps, { childId, name })
  return LOOK_EVERY_MS
}

/** Ends a spawn of which nothing has been heard for too long. */
async function giveUpInTime(
  { db, clock }: SagaDeps,
  { childId, name }: Pick<Step, 'childId' | 'name'>,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const now = clock.now()
    const { child, instance, steps } = await readSpawn(tx, childId)
    const step = steps.find((one) => one.name === name)
    const reason = step && child.ending === null ? givenUp({ child, instance, step, now }) : undefined
    if (reason === undefined) return false
    await beginUndo(tx, now, { childId, ending: 'failed', reason: `${name}: ${reason}`, failed: name })
    return true
  })
}

/** Reasons of our own services, or of the road to them: they pass. */
const PASSING: ReadonlySet<Reason> = new Set([
  'SERVICE_UNAVAILABLE',
  'DEADLINE_EXCEEDED',
  'POLICY_STALE',
  'RATE_LIMITED',
])

/** What a failed try comes to: the end of the spawn, or another try. */
async function cannot(deps: SagaDeps, step: Step, error: unknown): Promise<number> {
  const { db, clock, logger, tokens } = deps
  const { childId, name } = step
  const refusal = refusalOf(error)
  const isPassing = refusal !== undefined && PASSING.has(refusal.reason)
  const why = reasonOf(error)
  const isFinal = error instanceof SpawnFailed || (refusal !== undefined && !isPassing)
  logger.warn({ task: name, child_id: childId, attempt: step.attempts, error }, 'a step of a spawn failed')
  if (error instanceof SpawnEnded) {
    await inTransaction(db, (tx) => beginUndo(tx, clock.now(), { childId, ending: 'cancelled', reason: why }))
  } else if (isFinal || (!isPassing && step.attempts >= MOST_FAULTS)) {
    const said = { childId, ending: 'failed', reason: `${name}: ${why}`, failed: name } as const
    await inTransaction(db, (tx) => beginUndo(tx, clock.now(), said))
  } else {
    await inTransaction(db, (tx) => noteFailure(tx, clock.now(), { childId, name, why }))
    if (!(await giveUpInTime(deps, step))) return AFTER_FAILURE
  }
  tokens.refuse(childId, refusal ?? new SpawnFailed(why))
  return 0
}
