import { Doorbell } from '@powernode/clock'
import { inTransaction, type Listener } from '@powernode/postgres'
import { runTasks, type Logger, type Metrics } from '@powernode/process'
import { Refusal } from '@powernode/rpc'
import { nextStep, type AcceptanceStepName, type StepOutcome } from '../acceptance-run.ts'
import { noteAcceptanceStep, takeAcceptanceStep, type Tried } from '../operations/take-acceptance-step.ts'
import * as acceptanceRuns from '../store/acceptance-runs.ts'
import * as peers from '../store/peers.ts'
import { takeOutside, type OutsideDeps } from './outside-steps.ts'

const AT_ONCE = 16
const SLOWEST_LOOK_MS = 10_000
/** Whoever goes on with a run has so long for a step; then another replica may: each step is safe to do twice. */
const LEASE_MS = 15_000

export type DriveDeps = OutsideDeps & {
  readonly listener: Listener
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Goes on with every run of the skill that is not over, until told to stop. Several replicas share them. */
export async function driveAcceptances(deps: DriveDeps, signal: AbortSignal): Promise<void> {
  const bell = new Doorbell()
  await runTasks(signal, [
    (stop) => deps.listener.listen(acceptanceRuns.ACCEPTANCES_CHANNEL, () => bell.ring(), stop),
    (stop) => driveDue(deps, bell, stop),
  ])
}

/** Each run goes by itself: one whose service does not answer holds up no other. */
async function driveDue(deps: DriveDeps, bell: Doorbell, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const underway = new Map<string, Promise<void>>()
  while (!signal.aborted) {
    let waitMs = SLOWEST_LOOK_MS
    try {
      const free = AT_ONCE - underway.size
      const until = leaseFrom(clock.now())
      const due = free > 0 ? await inTransaction(db, (tx) => acceptanceRuns.claimDue(tx, clock.now(), until, free)) : []
      // What is under way here is ours for longer: it was claimed anew.
      for (const runId of due.filter((id) => !underway.has(id))) {
        const one = driveOne(deps, runId, signal).finally(() => {
          underway.delete(runId)
          bell.ring()
        })
        underway.set(runId, one)
      }
      waitMs = await untilNext(deps)
    } catch (error) {
      logger.warn({ task: 'acceptances', error }, 'acceptances cannot be read')
    }
    await bell.wait(clock, waitMs, signal)
  }
  await Promise.all(underway.values())
}

async function untilNext({ db, clock }: DriveDeps): Promise<number> {
  const next = await inTransaction(db, acceptanceRuns.nextDueAt)
  const ms = next ? next.getTime() - clock.now().getTime() : SLOWEST_LOOK_MS
  return Math.min(SLOWEST_LOOK_MS, Math.max(10, ms))
}

async function driveOne(deps: DriveDeps, runId: string, signal: AbortSignal): Promise<void> {
  const { db, clock, logger } = deps
  const fields = { task: 'acceptances', run_id: runId }
  try {
    while (!signal.aborted && (await driveStep(deps, runId, signal)));
  } catch (error) {
    if (!signal.aborted) logger.warn({ ...fields, error }, 'an acceptance could not go on; it is tried again')
  }
  // Whoever comes after us need not wait until our lease has run out.
  if (signal.aborted) await inTransaction(db, (tx) => acceptanceRuns.letGo(tx, runId, clock.now()))
}

/** Takes one step; whether there is another to be taken now. */
export async function driveStep(deps: DriveDeps, runId: string, signal: AbortSignal): Promise<boolean> {
  const { db, clock, us } = deps
  let tried: Tried | undefined
  try {
    const taken = await inTransaction(db, async (tx) => {
      const now = clock.now()
      const step = nextStep(await acceptanceRuns.lock(tx, runId))
      tried = step && { runId, name: step.name, attempts: step.attempts }
      return takeAcceptanceStep(tx, now, { us, runId, until: leaseFrom(now) })
    })
    if (taken.outcome !== 'outside') {
      if (taken.outcome === 'taken' && tried) counted(deps, tried.name, 'done')
      return taken.outcome === 'taken'
    }
    const { peerId } = taken.run
    const peer = await inTransaction(db, (tx) => peers.lock(tx, peerId ?? ''))
    const outcome = await takeOutside(deps, taken.tried.name, { peer, run: taken.run }, signal)
    await note(deps, taken.tried, outcome)
    return outcome.status !== 'passing'
  } catch (error) {
    if (!(error instanceof Refusal) || !tried) throw error
    const { reason, message, next = '' } = error
    await note(deps, tried, { status: 'failed', reason, message, next })
    return true
  }
}

async function note(deps: DriveDeps, tried: Tried, outcome: StepOutcome): Promise<void> {
  counted(deps, tried.name, outcome.status)
  await inTransaction(deps.db, (tx) => noteAcceptanceStep(tx, deps.clock.now(), { ...tried, outcome }))
}

function counted({ metrics }: DriveDeps, step: AcceptanceStepName, outcome: string): void {
  metrics
    .counter('fed_acceptance_steps_total', 'Steps of the accepting skill, by how they went', ['step', 'outcome'])
    .inc({ step, outcome })
}

const leaseFrom = (now: Date): Date => new Date(now.getTime() + LEASE_MS)
